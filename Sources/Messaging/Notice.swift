internal import SessionModel

/// One alert as it is told on one channel.
struct Notice {
    enum Kind: Equatable {
        case raised
        /// Told before, and different now.
        case changed
        /// Told before, and over now.
        case over
    }

    /// As the channel may see it.
    var alert: Alert
    var kind: Kind
    /// The same at every try of this message.
    var key: String
    /// When it was planned: the message's own date.
    var created: Timestamp
    /// What the channel called the message that told of the alert first; empty when there is none.
    var remoteID: String
    /// The key of the first message about the alert; empty when this is it.
    var firstKey: String

    /// The phrase that says what became of the alert; nil while it is new.
    var standing: String? {
        switch alert.status {
        case .retracted, .silenced: "team.over.retracted"
        case .dismissed: "team.over.dismissed"
        case .closed: "team.over.closed"
        case .confirmed: "team.confirmed"
        case .open, .amended: kind == .changed ? "team.changed" : nil
        }
    }
}

/// Several alerts told in one message.
struct Gathering {
    var notices: [Notice]
    /// Alerts that are counted and not named.
    var further: Int
    var key: String
    var created: Timestamp
    /// Whether there were too many to tell one by one, rather than that the channel asks for it.
    var isOverflow: Bool

    var count: Int { notices.count + further }
    var severity: Severity { notices.map(\.alert.severity).max() ?? .informational }
}
