/// Flags a session that goes on from another device, or from another network and country.
public enum SessionMoved {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "move_window_hours", unit: "h", range: 0.1...8760, default: 24,
            meaning: "A session quiet for longer may move network and country without a word.")
    ]
}
