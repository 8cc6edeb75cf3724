public import Response
public import SessionModel

/// How much of an alert a channel is shown.
public enum Privacy: String, CaseIterable, Sendable {
    case full
    /// Addresses by their network (/24, /48), places by their country, no names or free text.
    case coarse
    /// Neither addresses nor places, names, devices or sessions.
    case none
}

/// Where messages go, which ones, and when.
public struct Channel: Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        case mail, slack, teams, discord, pagerduty, webhook
    }

    public enum Audience: String, CaseIterable, Sendable {
        /// Those who look after the accounts.
        case team
        /// The person whose account an alert is about.
        case owner
    }

    /// Lower-case letters, digits and `-`; what the state knows it by.
    public var name: String
    public var kind: Kind
    public var audience: Audience
    public var filter: AlertChoice
    public var privacy: Privacy
    public var language: String
    /// One message for all that came; nil for one a piece.
    public var digest: DigestSchedule?
    /// The most alerts that a gathered message names; the rest is counted.
    public var digestLimit: Int
    public var quiet: QuietHours?
    /// Messages in any 60 s. What is above goes into one that sums it up.
    public var perMinute: Int
    /// Older alerts, by event time, are told to nobody: a first run over last year's logs is not to
    /// wake anyone.
    public var maximumAgeMilliseconds: Int64
    public var delivery: Delivery

    public init(
        name: String, kind: Kind, audience: Audience = .team, filter: AlertChoice = AlertChoice(),
        privacy: Privacy = .full, language: String = "en", digest: DigestSchedule? = nil,
        digestLimit: Int = 20, quiet: QuietHours? = nil, perMinute: Int = 20,
        maximumAgeMilliseconds: Int64 = 7 * 86_400_000, delivery: Delivery
    ) {
        self.name = name
        self.kind = kind
        self.audience = audience
        self.filter = filter
        self.privacy = privacy
        self.language = language
        self.digest = digest
        self.digestLimit = digestLimit
        self.quiet = quiet
        self.perMinute = perMinute
        self.maximumAgeMilliseconds = maximumAgeMilliseconds
        self.delivery = delivery
    }

    /// Not before this time may a message about an alert of `severity`, planned at `now`, go out.
    public func due(severity: Severity, at now: Timestamp) -> Timestamp {
        // Critical alerts pass both.
        if severity == .critical { return now }
        let ready = digest?.next(after: now) ?? now
        return quiet?.end(from: ready) ?? ready
    }
}

/// Which alerts a channel is told of. Conditions add up.
public struct AlertChoice: Sendable {
    public var minimumSeverity: Severity
    /// 0 through 100.
    public var minimumRisk: Int
    /// One of its findings is of one of these rules; empty for any.
    public var rules: Set<String>
    /// Of one of these users, by id or name; nil for any.
    public var users: ProtectedUsers?

    public init(
        minimumSeverity: Severity = .informational, minimumRisk: Int = 0, rules: Set<String> = [],
        users: ProtectedUsers? = nil
    ) {
        self.minimumSeverity = minimumSeverity
        self.minimumRisk = minimumRisk
        self.rules = rules
        self.users = users
    }

    public func takes(_ alert: Alert) -> Bool {
        alert.severity >= minimumSeverity && alert.risk >= minimumRisk
            && (rules.isEmpty || alert.findings.contains { rules.contains($0.rule) })
            && (users?.contains(id: alert.userID, name: alert.userName) ?? true)
    }
}

/// How a channel is reached.
public enum Delivery: Sendable {
    case mail(MailDelivery)
    /// Slack's incoming webhook, Teams' workflow, Discord's webhook.
    case hook(url: SecretValue, reach: Reach)
    /// Slack's Web API, which can amend what was posted.
    case slackBot(token: SecretValue, conversation: String, api: String, reach: Reach)
    case pagerDuty(routingKey: SecretValue, url: String, reach: Reach)
    case webhook(url: SecretValue, secret: SecretValue, reach: Reach)

    /// The network's side of it.
    public struct Reach: Sendable, Equatable {
        /// A file of certificates in PEM to trust, and no others; nil for the system's.
        public var caFile: String?
        /// Whether private and loopback addresses, and `http:` to them, are taken.
        public var allowsPrivate: Bool

        public init(caFile: String? = nil, allowsPrivate: Bool = false) {
            (self.caFile, self.allowsPrivate) = (caFile, allowsPrivate)
        }
    }
}

/// How mail leaves.
public struct MailDelivery: Sendable {
    public enum Transport: Sendable {
        case smtp(SMTPServer)
        /// The path of a program that takes a message on standard input, as `/usr/sbin/sendmail`.
        case sendmail(String)
    }

    public var transport: Transport
    public var from: MailAddress
    /// What readers see beside the address; may be empty.
    public var fromName: String
    /// Of a team; an owner's is looked up.
    public var recipients: [MailAddress]

    public init(
        transport: Transport, from: MailAddress, fromName: String = "Lastseen",
        recipients: [MailAddress] = []
    ) {
        self.transport = transport
        self.from = from
        self.fromName = fromName
        self.recipients = recipients
    }
}

/// A server that takes mail for delivery (RFC 6409).
public struct SMTPServer: Sendable {
    public enum Encryption: String, CaseIterable, Sendable {
        /// STARTTLS is required (RFC 3207); what a server without it offers is refused.
        case starttls
        /// From the first byte (RFC 8314).
        case tls
        /// None; for a server on this machine only.
        case none
    }

    public var host: String
    public var port: Int
    public var encryption: Encryption
    /// A file of certificates in PEM to trust, and no others; nil for the system's.
    public var caFile: String?
    /// Nil for none.
    public var user: String?
    public var password: SecretValue?
    /// For the whole conversation.
    public var totalMilliseconds: Int

    public init(
        host: String, port: Int? = nil, encryption: Encryption = .starttls, caFile: String? = nil,
        user: String? = nil, password: SecretValue? = nil, totalMilliseconds: Int = 30_000
    ) {
        self.host = host
        self.port =
            port
            ?? (encryption == .starttls ? 587 : encryption == .tls ? 465 : 25)
        self.encryption = encryption
        self.caFile = caFile
        self.user = user
        self.password = password
        self.totalMilliseconds = totalMilliseconds
    }
}

/// The channels there are, and what they have in common.
public struct ChannelBook: Sendable {
    public var channels: [Channel]
    /// Shown to account owners; may be empty.
    public var organization: String
    /// Whom owners ask; empty for the language's "your administrator".
    public var contact: String
    /// Where answers arrive, without a slash at the end: `https://lastseen.example.com`. Empty for no
    /// links.
    public var linkBase: String
    public var linkKey: AnswerKey?
    public var linkDays: Int
    /// Addresses of account owners.
    public var directory: PeopleDirectory
    /// Domains in which a user's name that is an address is one.
    public var domains: Set<String>
    /// The user's own phrases and templates.
    public var templates: String?

    public init(
        channels: [Channel], organization: String = "", contact: String = "", linkBase: String = "",
        linkKey: AnswerKey? = nil, linkDays: Int = 7, directory: PeopleDirectory = .empty,
        domains: Set<String> = [], templates: String? = nil
    ) {
        self.channels = channels
        self.organization = organization
        self.contact = contact
        self.linkBase = linkBase
        self.linkKey = linkKey
        self.linkDays = linkDays
        self.directory = directory
        self.domains = domains
        self.templates = templates
    }

    public func channel(_ name: String) throws(MessagingError) -> Channel {
        guard let found = channels.first(where: { $0.name == name }) else {
            throw .unknownChannel(name, known: channels.map(\.name))
        }
        return found
    }
}
