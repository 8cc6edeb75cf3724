/// A request to `lastseen-server`, whatever HTTP library took it.
public struct RouteRequest: Sendable {
    public var method: String
    /// Decoded, beginning with `/`.
    public var path: String
    /// Decoded; the first of each name.
    public var query: [String: String]
    /// Names in lower case: those that handlers ask for (`RouteRequest.headerNames`).
    public var headers: [String: String]
    /// At most `bodyLimit` bytes.
    public var body: [UInt8]
    /// Whether the server is to end: what waits gives up.
    public var isStopping: @Sendable () -> Bool

    public static let bodyLimit = 65_536
    public static let headerNames = ["authorization", "content-type", "content-language"]

    public init(
        method: String, path: String, query: [String: String] = [:],
        headers: [String: String] = [:], body: [UInt8] = [],
        isStopping: @escaping @Sendable () -> Bool = { false }
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.isStopping = isStopping
    }
}

/// An answer of `lastseen-server`.
public struct RouteResponse: Sendable, Equatable {
    public var status: Int
    /// Lines as `name: value`, without line ends in them.
    public var headers: [String]
    public var body: String

    public init(_ status: Int, headers: [String] = [], body: String = "") {
        (self.status, self.headers, self.body) = (status, headers, body)
    }

    public static func json(_ text: String, status: Int = 200) -> RouteResponse {
        RouteResponse(
            status, headers: ["content-type: application/json", "cache-control: no-store"],
            body: text)
    }
}

/// What answers the requests below some paths. Calls come from several threads at once.
public protocol RouteHandler: Sendable {
    /// Nil when the path is not this handler's; the next one is asked then.
    func answer(_ request: RouteRequest) -> RouteResponse?
}
