public import Detection
public import StateStore

/// The networks that a state has learned to be shared by many users.
public enum LearnedNetworks {
    /// Those with most users first; `Organization.LearnedNetwork.isShared` tells which count as shared.
    /// Reads some 1 MiB.
    ///
    /// - Throws: `StateError` when the state cannot be read, or is damaged.
    public static func read(_ store: StateStore) throws(StateError) -> [Organization.LearnedNetwork]
    {
        let organization = Organization()
        try organization.restore(from: store)
        return organization.learnedNetworks()
    }
}

extension Organization {
    /// Takes on what a state has of all users together.
    ///
    /// - Parameter gate: Takes on its own pages; without one they are passed over.
    func restore(from store: StateStore, gate: BudgetGate? = nil) throws(StateError) {
        for (part, page, bytes) in try store.organizationPages() {
            let isKnown = bytes.withUnsafeBytes {
                part < BudgetGate.firstPart
                    ? restore(table: part, page: page, $0)
                    : gate?.restore(part: part, page: page, $0) ?? true
            }
            guard isKnown else {
                throw .damaged(
                    path: store.path, reason: "it has a page \(part).\(page) of all users' tables")
            }
        }
    }
}
