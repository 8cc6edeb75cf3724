/// Browsers and apps with the user agents that they really send, their versions moving with time.
enum Clients: CaseIterable {
    case chromeWindows, edgeWindows, firefoxWindows, chromeMac, safariMac, firefoxLinux, chromeLinux
    case safariPhone, chromePhone, samsungPhone
    case requests, goClient, okHTTP

    static let desktops: [Clients] = [
        .chromeWindows, .chromeWindows, .chromeWindows, .chromeWindows, .edgeWindows, .edgeWindows,
        .firefoxWindows, .chromeMac, .safariMac, .safariMac, .firefoxLinux, .chromeLinux,
    ]
    static let phones: [Clients] = [
        .safariPhone, .safariPhone, .chromePhone, .chromePhone, .samsungPhone,
    ]
    static let tools: [Clients] = [.requests, .requests, .goClient, .okHTTP]

    var isPhone: Bool { self == .safariPhone || self == .chromePhone || self == .samsungPhone }

    /// A second browser for the same machine.
    var sibling: Clients {
        switch self {
        case .chromeWindows: .edgeWindows
        case .edgeWindows: .firefoxWindows
        case .firefoxWindows: .chromeWindows
        case .chromeMac: .safariMac
        case .safariMac: .chromeMac
        case .firefoxLinux: .chromeLinux
        case .chromeLinux: .firefoxLinux
        default: self
        }
    }

    /// - Parameter release: releases after the first of the year, one in four weeks.
    func agent(release: Int, build: Int) -> String {
        let major = 143 + release
        let firefox = 146 + release
        let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64"
        let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
        let webKit = "AppleWebKit/537.36 (KHTML, like Gecko)"
        let ios = 1 + release / 2
        return switch self {
        case .chromeWindows: "\(windows)) \(webKit) Chrome/\(major).0.0.0 Safari/537.36"
        case .edgeWindows:
            "\(windows)) \(webKit) Chrome/\(major).0.0.0 Safari/537.36 Edg/\(major).0.0.0"
        case .firefoxWindows: "\(windows); rv:\(firefox).0) Gecko/20100101 Firefox/\(firefox).0"
        case .chromeMac: "\(mac) \(webKit) Chrome/\(major).0.0.0 Safari/537.36"
        case .safariMac:
            "\(mac) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.\(ios) Safari/605.1.15"
        case .firefoxLinux:
            "Mozilla/5.0 (X11; Linux x86_64; rv:\(firefox).0) Gecko/20100101 Firefox/\(firefox).0"
        case .chromeLinux:
            "Mozilla/5.0 (X11; Linux x86_64) \(webKit) Chrome/\(major).0.0.0 Safari/537.36"
        case .safariPhone:
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_\(4 + build % 4) like Mac OS X) "
                + "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.\(ios) Mobile/15E148 Safari/604.1"
        case .chromePhone:
            "Mozilla/5.0 (Linux; Android 10; K) \(webKit) Chrome/\(major).0.0.0 Mobile Safari/537.36"
        case .samsungPhone:
            "Mozilla/5.0 (Linux; Android 10; K) \(webKit) SamsungBrowser/29.0 "
                + "Chrome/\(major - 7).0.0.0 Mobile Safari/537.36"
        case .requests: "python-requests/2.32.\(build % 5)"
        case .goClient: "Go-http-client/2.0"
        case .okHTTP: "okhttp/4.12.\(build % 2)"
        }
    }
}

/// A browser profile or an app on a machine: what a device id stands for.
struct Device {
    var id: String
    var client: Clients
    /// Days that its updates come after the release; differs by owner.
    var updateLag: Int
    var build: Int
    /// The local day from which it is used.
    var since = 0
    /// Why it is new, and up to which day that is worth telling.
    var news = ""
    var newsUntil = -1

    init(_ client: Clients, _ random: inout SeededRandom) {
        id = random.token()
        self.client = client
        updateLag = random.below(28)
        build = random.below(40)
    }

    func agent(day: Int) -> Agent {
        Agent(client: client, release: max(0, day + 28 - updateLag) / 28, build: build)
    }
}

/// A user agent that is not yet text: days of records wait in memory.
struct Agent {
    var client: Clients
    var release: Int
    var build: Int

    var text: String { client.agent(release: release, build: build) }
}

/// What people sign in to. Some applications know no devices, all end sessions after another time.
struct Application {
    var name: String
    /// A session's longest life in hours.
    var hours: Int
    var knowsDevices: Bool

    static let all = [
        Application(name: "mail", hours: 30 * 24, knowsDevices: true),
        Application(name: "chat", hours: 60 * 24, knowsDevices: true),
        Application(name: "files", hours: 7 * 24, knowsDevices: true),
        Application(name: "portal", hours: 12, knowsDevices: false),
        Application(name: "crm", hours: 24, knowsDevices: true),
    ]
}
