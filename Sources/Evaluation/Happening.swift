import SessionModel

/// A record before it has its id.
struct Happening {
    enum Label {
        case none
        /// A benign thing that looks odd: its name in the truth file.
        case benign(String)
        /// The place of the strike in the world's list.
        case attack(Int)
    }

    /// Milliseconds since 1970.
    var time: Int64
    var user: Int
    /// Order among what was made for one user.
    var order = 0
    var event: EventKind
    var outcome = Outcome.success
    var auth = AuthMethod.token
    var session = ""
    var device = ""
    var agent: Agent
    var application: Int
    var address: UInt32
    var label = Label.none
}
