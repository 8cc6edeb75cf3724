public import SessionModel

/// The detectors that exist. A rule file names one and sets its limits.
public enum DetectorKind: String, CaseIterable, Sendable {
    case impossibleTravel = "impossible-travel"
    case unrecognizedDevice = "unrecognized-device"
    case newCountry = "new-country"
    case sessionMoved = "session-moved"
    case failuresThenSuccess = "failures-then-success"
    case concurrentPlaces = "concurrent-places"
    case atypicalCountry = "atypical-country"
    case sharedDevice = "shared-device"
    case sessionAfterLogout = "session-after-logout"
    case sessionTooOld = "session-too-old"
    case anonymizingNetwork = "anonymizing-network"
    case newNetwork = "new-network"
    case hostingLogin = "hosting-login"
    case passwordSpray = "password-spray"
    case credentialStuffing = "credential-stuffing"
    case mfaFatigue = "mfa-fatigue"
    case loginAfterReset = "login-after-reset"
    case dormantAccount = "dormant-account"
    case unusualHour = "unusual-hour"
    case sensitiveChange = "sensitive-change"
    case riskScore = "risk-score"
    case activityBurst = "activity-burst"
    case match
    case threshold
    case firstSeen = "first-seen"

    /// Stored with findings: never change one. At most 31, as an alert's gist has two bits for each.
    var code: UInt8 {
        switch self {
        case .impossibleTravel: 1
        case .unrecognizedDevice: 2
        case .newCountry: 3
        case .sessionMoved: 4
        case .failuresThenSuccess: 5
        case .concurrentPlaces: 6
        case .atypicalCountry: 7
        case .sharedDevice: 8
        case .sessionAfterLogout: 9
        case .sessionTooOld: 10
        case .anonymizingNetwork: 11
        case .newNetwork: 12
        case .hostingLogin: 13
        case .passwordSpray: 14
        case .credentialStuffing: 15
        case .mfaFatigue: 16
        case .loginAfterReset: 17
        case .dormantAccount: 18
        case .unusualHour: 19
        case .sensitiveChange: 20
        case .riskScore: 21
        case .activityBurst: 22
        case .match: 29
        case .threshold: 30
        case .firstSeen: 31
        }
    }

    init?(code: UInt8) {
        guard let kind = DetectorKind.allCases.first(where: { $0.code == code }) else { return nil }
        self = kind
    }

    /// What a rule file may set.
    public var parameters: [ParameterSpec] {
        switch self {
        case .impossibleTravel: ImpossibleTravel.parameters
        case .unrecognizedDevice: UnrecognizedDevice.parameters
        case .newCountry: NewCountry.parameters
        case .sessionMoved: SessionMoved.parameters
        case .failuresThenSuccess: FailuresThenSuccess.parameters
        case .concurrentPlaces: ConcurrentPlaces.parameters
        case .atypicalCountry: AtypicalCountry.parameters
        case .sharedDevice: SharedDevice.parameters
        case .sessionAfterLogout: SessionAfterLogout.parameters
        case .sessionTooOld: SessionTooOld.parameters
        case .anonymizingNetwork: AnonymizingNetwork.parameters
        case .newNetwork: NewNetwork.parameters
        case .hostingLogin: HostingLogin.parameters
        case .passwordSpray: PasswordSpray.parameters
        case .credentialStuffing: CredentialStuffing.parameters
        case .mfaFatigue: MFAFatigue.parameters
        case .loginAfterReset: LoginAfterReset.parameters
        case .dormantAccount: DormantAccount.parameters
        case .unusualHour: UnusualHour.parameters
        case .sensitiveChange: SensitiveChange.parameters
        case .riskScore: RiskScore.parameters
        case .activityBurst: ActivityBurst.parameters
        case .match, .threshold, .firstSeen: []
        }
    }
}

/// One limit of a detector: its name (with the unit in it), range and default.
public struct ParameterSpec: Sendable, Equatable {
    /// As a rule file and the evidence write it: `speed_limit_kmh`.
    public let name: String
    /// `km/h`, `km`, `min`, `days`, `count`, for a person.
    public let unit: String
    public let range: ClosedRange<Double>
    public let defaultValue: Double
    /// Whether only whole numbers make sense.
    public let isWhole: Bool
    /// One sentence.
    public let meaning: String

    public init(
        _ name: String, unit: String, range: ClosedRange<Double>, default defaultValue: Double,
        isWhole: Bool = false, meaning: String
    ) {
        self.name = name
        self.unit = unit
        self.range = range
        self.defaultValue = defaultValue
        self.isWhole = isWhole
        self.meaning = meaning
    }
}

/// A rule as detection needs it: which detector, with which limits, and what its findings weigh.
///
/// Whoever makes one has checked names and ranges (RuleBook does); a missing value takes the default.
public struct DetectionRule: Sendable, Equatable {
    public var id: String
    public var title: String
    public var severity: Severity
    public var detector: DetectorKind
    /// By parameter name.
    public var limits: [String: Double]
    /// The risk, 0 through 1, of an alert that has but a finding of this confidence; see `Risk` for how
    /// findings combine.
    public var weights: Weights
    /// The response that the rule asks for.
    public var rung: Rung
    /// What a person should do beyond the two fixed steps; may be empty.
    public var recommendation: String
    /// Of a team's own rule: what it asks of a record.
    public var custom: CustomRule?

    public struct Weights: Sendable, Equatable {
        public var possible: Double
        public var likely: Double
        public var certain: Double
        public init(possible: Double, likely: Double, certain: Double) {
            (self.possible, self.likely, self.certain) = (possible, likely, certain)
        }
        public subscript(confidence: Confidence) -> Double {
            switch confidence {
            case .possible: possible
            case .likely: likely
            case .certain: certain
            }
        }
    }

    public init(
        id: String, title: String, severity: Severity, detector: DetectorKind,
        limits: [String: Double] = [:], weights: Weights, rung: Rung, recommendation: String = "",
        custom: CustomRule? = nil
    ) {
        self.id = id
        self.title = title
        self.severity = severity
        self.detector = detector
        self.limits = limits
        self.weights = weights
        self.rung = rung
        self.recommendation = recommendation
        self.custom = custom
    }

    /// The value in force.
    public func limit(_ name: String) -> Double {
        if let value = limits[name] { return value }
        guard let spec = detector.parameters.first(where: { $0.name == name }) else {
            preconditionFailure("\(detector.rawValue) has no limit '\(name)'")
        }
        return spec.defaultValue
    }
}
