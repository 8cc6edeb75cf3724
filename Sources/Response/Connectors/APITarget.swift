internal import SessionModel
internal import Synchronization

/// How to reach an HTTP API.
struct APIOptions: Sendable {
    /// Without a slash at the end.
    var url: String
    var caFile: String?
    var allowsPrivate = false
    /// For all requests of one step.
    var timeoutSeconds = ConnectorSettings.standardTimeoutSeconds
}

/// A vendor's HTTP API with the credential for it.
final class APITarget: Sendable {
    /// Requests under way at a time; actions of several users run at once.
    static let requestLimit = 8

    let options: APIOptions
    /// `https://host:port`: what messages show of the URL.
    let origin: String
    let authorization: any Authorization
    let client: HTTPClient
    let secrets: SecretList
    /// Whether an answer asks for quiet though its status is not 429.
    let isRateLimit: @Sendable (HTTPReply) -> Bool

    /// Throws `badSetting` for a URL that cannot be used.
    init(
        _ options: APIOptions, authorization: any Authorization,
        isRateLimit: @escaping @Sendable (HTTPReply) -> Bool = { _ in false }
    ) throws(ResponseError) {
        self.options = options
        self.authorization = authorization
        self.isRateLimit = isRateLimit
        origin = try APITarget.checkedOrigin(
            options.url, name: "'url'", allowsPrivate: options.allowsPrivate)
        client = try HTTPClient(limit: APITarget.requestLimit)
        secrets = SecretList()
    }

    static func checkedOrigin(
        _ url: String, name: String, allowsPrivate: Bool
    ) throws(ResponseError) -> String {
        guard !url.contains("?"), !url.contains("#") else {
            throw .badSetting(
                name: name, value: "(not shown)", allowed: "a URL without '?' and '#'")
        }
        return try HTTPOrigin.checked(
            url, name: name, allowsPrivate: allowsPrivate,
            remedies: HTTPOrigin.Remedies(
                credentials: "they have settings of their own", privacy: "allow_private: true",
                example: "https://id.example.com")
        ).origin
    }

    func shown(_ text: String) -> String { secrets.redactor.shown(text) }
    func shown(_ bytes: [UInt8]) -> String { secrets.redactor.shown(body: bytes) }
}

/// The secrets that were in use lately, which no text from outside may show.
final class SecretList: Sendable {
    /// A token is replaced every few minutes; what is older is no longer valid.
    private static let limit = 16
    private let known = Mutex<[String]>([])

    func add(_ secret: String) {
        known.withLock { known in
            guard !secret.isEmpty, !known.contains(secret) else { return }
            if known.count == SecretList.limit { known.removeFirst() }
            known.append(secret)
        }
    }

    var redactor: Redactor { Redactor(known.withLock { $0 }) }
}

/// What one vendor's API can do, and by which requests.
///
/// A step that is left by a `ConnectorStop` has the stop's answer.
protocol VendorAPI: Sendable {
    var abilities: [Rung: ConnectorAbility] { get }
    var order: StepOrder { get }
    var permissions: [String] { get }
    func carryOut(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer
    func check(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer?
    func undo(_ action: PlannedAction, _ call: APICall) throws(ConnectorStop) -> ConnectorAnswer?
    func probe(_ call: APICall) throws(ConnectorStop) -> ConnectorAnswer?
}

/// A connector to a vendor's HTTP API.
final class APIConnector<Vendor: VendorAPI>: Connector {
    let name: String
    let vendor: Vendor
    let target: APITarget

    init(_ vendor: Vendor, name: String, target: APITarget) {
        (self.name, self.vendor, self.target) = (name, vendor, target)
    }

    var timeLimitSeconds: Int { target.options.timeoutSeconds + 1 }
    var abilities: [Rung: ConnectorAbility] { vendor.abilities }
    var order: StepOrder { vendor.order }
    var permissions: [String] { vendor.permissions }

    func carryOut(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer {
        let call = APICall(target, at: now)
        guard abilities[action.kind] != nil else { return call.answer(.refused, cannot(action)) }
        do throws(ConnectorStop) {
            return try vendor.carryOut(action, call)
        } catch {
            return error.answer
        }
    }

    func check(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer? {
        do throws(ConnectorStop) {
            return try vendor.check(action, APICall(target, at: now))
        } catch {
            // That the question failed says nothing of the step.
            return nil
        }
    }

    func undo(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer? {
        guard abilities[action.kind]?.isUndoable == true else { return nil }
        do throws(ConnectorStop) {
            return try vendor.undo(action, APICall(target, at: now))
        } catch {
            return error.answer
        }
    }

    func probe(at now: Timestamp) -> ConnectorAnswer? {
        do throws(ConnectorStop) {
            return try vendor.probe(APICall(target, at: now))
        } catch {
            return error.answer
        }
    }

    private func cannot(_ action: PlannedAction) -> String {
        "\(target.origin) has no call for '\(action.kind.name)'"
    }
}
