/// One thing that a user's profile knows, and how it came to know it.
public struct LearnedFact: Sendable, Equatable {
    /// What it is about, in the order in which it is shown.
    public enum Kind: String, Sendable, CaseIterable {
        case device, network, provider, place, country, hours
    }

    public enum Subject: Sendable, Equatable {
        /// The label is a guess from the user agent; the id is empty where records have none.
        case device(label: String, id: String)
        /// `address` is the newest of the prefix (`203.0.113.0/24`).
        case network(prefix: String, Network)
        /// As a network of the user's that is still known names it: autonomous system and organisation,
        /// or, where no database tells one, the prefix that stands for it. Empty when none does.
        case provider(prefix: String, Network)
        case place(Place)
        /// ISO 3166-1 alpha-2.
        case country(String)
        /// Of each hour of the day, UTC, in how many hours the user was seen; all are halved when one
        /// comes to 255.
        case hours([Int])
    }

    /// How it was learned.
    public enum Source: String, Sendable, CaseIterable {
        /// It was there with the user's very first sighting.
        case first
        /// A dismissed alert: "this was me".
        case dismissed
        /// Seen on two days or more.
        case days
        /// Seen on one day only.
        case sighting
        /// An alert named it, so that being seen again does not soon make it the user's.
        case alert
        /// A confirmed alert: "that was an intruder". It is never learned.
        case confirmed
        /// Each hour in which the user was seen is counted once.
        case counted
    }

    /// How far it speaks for whoever comes with it.
    public enum Standing: String, Sendable, CaseIterable {
        /// The user's own.
        case familiar
        /// No longer new (first seen more than a day before the user's newest sighting), and not familiar.
        case known
        case new
        /// A stranger's, as far as is known.
        case stranger
    }

    /// 16 hexadecimal digits, the same for the same thing of every user.
    public var id: String
    public var subject: Subject
    public var source: Source
    /// Nil for the hours: how far they are usual is for the rule to say.
    public var standing: Standing?
    /// In event time.
    public var firstSeen: Timestamp
    public var lastSeen: Timestamp
    /// Distinct days (UTC) with a sighting.
    public var days: Int
    public var sightings: Int
    /// Of the alerts that the profile still remembers, those that name it, or whose verdict taught it.
    public var alertIDs: [String]

    public init(
        id: String, subject: Subject, source: Source, standing: Standing?, firstSeen: Timestamp,
        lastSeen: Timestamp, days: Int, sightings: Int, alertIDs: [String] = []
    ) {
        self.id = id
        self.subject = subject
        self.source = source
        self.standing = standing
        self.firstSeen = firstSeen
        self.lastSeen = lastSeen
        self.days = days
        self.sightings = sightings
        self.alertIDs = alertIDs
    }

    public var kind: Kind {
        switch subject {
        case .device: .device
        case .network: .network
        case .provider: .provider
        case .place: .place
        case .country: .country
        case .hours: .hours
        }
    }
}

/// What is known of one user.
public struct LearnedAccount: Sendable, Equatable {
    public var userID: String
    /// Empty when no record gave one.
    public var userName: String
    public var tenant: String
    /// Sightings that show the account in use, and the first of them; nil for none.
    public var sightings: Int
    public var firstUse: Timestamp?
    /// By kind, the one seen last first.
    public var facts: [LearnedFact]

    public init(
        userID: String, userName: String, tenant: String, sightings: Int, firstUse: Timestamp?,
        facts: [LearnedFact]
    ) {
        self.userID = userID
        self.userName = userName
        self.tenant = tenant
        self.sightings = sightings
        self.firstUse = firstUse
        self.facts = facts
    }

    /// The most digits of a fact's id, and how many are enough unless two begin alike.
    public static let idDigits = 16
    public static let shortIDDigits = 8

    /// A fact's id as it is shown: its first 8 digits, or all where another of the user begins alike.
    public func shortID(_ fact: LearnedFact) -> String {
        let short = String(fact.id.prefix(Self.shortIDDigits))
        return facts.count { $0.id.hasPrefix(short) } > 1 ? fact.id : short
    }

    /// The facts whose id begins so; none for what is no id.
    public func facts(beginning id: String) -> [LearnedFact] {
        let wanted = id.lowercased()
        return wanted.isEmpty ? [] : facts.filter { $0.id.hasPrefix(wanted) }
    }
}
