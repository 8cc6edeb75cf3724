/// The largest values that the state takes, in bytes. Above them a write throws
/// `StateError.tooLarge`; what comes from records was already limited far lower by `TextLimit`.
public enum StateLimit {
    public static let profile = 1 << 20
    /// Identifiers, states, names of all kinds.
    public static let name = 4096
    /// An alert's JSON, an action's payload, a journal entry's detail.
    public static let document = 4 << 20
    /// An action's last error or result, a value of `meta`.
    public static let note = 64 << 10
    /// Compressed records.
    public static let historyBlock = 64 << 20
    /// The most rows that one read returns, whatever was asked for.
    public static let rows = 100_000
    /// The longest text that a run may write of itself into the lock file.
    public static let holder = 512
}
