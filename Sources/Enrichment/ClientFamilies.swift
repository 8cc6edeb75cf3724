/// How uap-core's names become names that an update does not change and a person understands.
///
/// Names are part of stored keys: to change one is to change `ClientRecognizer.schemeVersion`.
enum ClientFamilies {
    static let unknown = "Unknown client"
    static let unknownBrowser = "Unknown browser"
    static let inApp = "In-app browser"

    /// uap-core's family of a client → ours, where they differ.
    ///
    /// One product is one client, on whatever system (that is told apart beside it) and in whatever
    /// channel: Firefox Beta becomes Firefox when it is updated. A page shown inside another app is
    /// a client of its own, since that app is.
    private static let clients: [String: String] = [
        "Chrome Mobile": "Chrome",
        "Chrome Mobile iOS": "Chrome",
        "Chrome Mobile WebView": inApp,
        "Mobile Safari UI/WKWebView": inApp,
        "Crosswalk": inApp,
        "HeadlessChrome": "Headless Chrome",
        "Mobile Safari": "Safari",
        "WebKit Nightly": "WebKit",
        "Edge Mobile": "Edge",
        "Firefox Mobile": "Firefox",
        "Firefox iOS": "Firefox",
        "Firefox Alpha": "Firefox",
        "Firefox Beta": "Firefox",
        "Firefox (Shiretoko)": "Firefox",
        "Firefox (Namoroka)": "Firefox",
        "Firefox (Minefield)": "Firefox",
        "MozillaDeveloperPreview": "Firefox",
        "Bon Echo": "Firefox",
        "IE": "Internet Explorer",
        "IE Mobile": "Internet Explorer",
        "IE Large Screen": "Internet Explorer",
        "Opera Mobile": "Opera",
        "Opera Tablet": "Opera",
        "Android": "Android Browser",
        "Baidu Explorer": "Baidu Browser",
        "BlackBerry": "BlackBerry Browser",
        "BlackBerry WebKit": "BlackBerry Browser",
        "DuckDuckGo Mobile": "DuckDuckGo",
        "NetFront NX": "NetFront",
        "QQ Browser Mini": "QQ Browser",
        "QQ Browser Mobile": "QQ Browser",
        "MacOutlook": "Outlook",
        "Outlook-Android": "Outlook",
        "Outlook-iOS": "Outlook",
        "Outlook-iOS-Android": "Outlook",
        "Google": "Google app",
        "Python Requests": "python-requests",
        "Python aiohttp": "aiohttp",
    ]

    static func client(_ family: String) -> String { clients[family] ?? family }

    // MARK: - Systems

    static let apple = "Apple OS"
    static let television = "TV"

    /// uap-core's family of a system → ours, where they differ. Distributions of Linux are one, as
    /// their browsers name them in some versions and not in others.
    private static let systems: [String: String] = {
        var map: [String: String] = [
            "Other": "",
            "Mac OS X": "macOS",
            "Mac OS": "macOS",
            "ATV OS X": "tvOS",
            "WatchOS": "watchOS",
            "Windows CE": "Windows Mobile",
            "Brew MP": "BREW",
            "Symbian^3": "Symbian",
            "Symbian^3 Anna": "Symbian",
            "Symbian^3 Belle": "Symbian",
            "Symbian OS": "Symbian",
            "Nokia Series 30 Plus": "Nokia",
            "Nokia Series 40": "Nokia",
            "BlackBerry Tablet OS": "BlackBerry OS",
        ]
        for name in [
            "Arch Linux", "BackTrack", "CentOS", "Debian", "Fedora", "Gentoo", "Kubuntu",
            "Linux Mint", "Lubuntu", "Mageia", "Mandriva", "PCLinuxOS", "Puppy", "Red Hat", "SUSE",
            "Slackware", "Ubuntu", "openSUSE",
        ] {
            map[name] = "Linux"
        }
        for name in [
            "Chromecast", "FireHbbTV", "GoogleTV", "LG", "Panasonic", "Philips", "Roku", "Samsung",
            "Sony", "Web0S", "WebTV",
        ] {
            map[name] = television
        }
        return map
    }()

    /// Empty when the system is not known.
    static func system(_ family: String) -> String { systems[family] ?? family }

    static let phoneSystems: Set = [
        "BREW", "Bada", "BlackBerry OS", "Firefox OS", "KaiOS", "Maemo", "MeeGo", "Nokia",
        "Sailfish", "Symbian", "Windows Mobile", "Windows Phone",
    ]
    static let desktopSystems: Set = [
        "BSD", "Chrome OS", "FreeBSD", "Linux", "NetBSD", "OpenBSD", "SerenityOS", "Solaris",
        "Windows", "macOS",
    ]
    static let televisionSystems: Set = [television, "tvOS"]

    // MARK: - Tools

    /// Programs and libraries that fetch without a person at a browser, in lower case.
    private static let tools: Set = [
        "ahc", "aiohttp", "akka-http", "apache-cxf", "apache-httpclient", "aria2", "aws-cli",
        "axel", "axios", "azure-cli", "boto", "boto3", "botocore", "cloudfoundry", "curl",
        "davdroid", "debian apt-http", "electron-fetch", "fetch libfetch", "fetchurl", "gcloud",
        "go-cf-client", "go-cli", "go-http-client", "go-resty", "google-http-java-client", "got",
        "grpc", "guzzlehttp", "headless chrome", "hey", "hackney", "http.rb", "httpclient",
        "httpie", "hydra", "insomnia", "java", "java-eurekaclient", "jersey", "jets3t", "jnlp",
        "k6", "kubectl", "lftp", "libcurl-agent", "libwww-perl", "lua-resty-http", "masscan",
        "microsoft-cryptoapi", "microsoft winrm client", "minio-go", "nikto", "node-fetch",
        "node-oauth", "node.js", "okhttp", "openbsd ftp", "openvas scanner", "phantomjs",
        "postmanruntime", "powershell", "pyamf", "pycurl", "python", "python-httpx",
        "python-requests", "python-urllib", "rclone", "reactornetty", "reqwest", "rusoto",
        "s3fs", "s3gof3r", "scalaj-http", "scrapy", "sqlmap", "terraform", "tlsprober",
        "ubuntu apt-http", "undici", "unirest-java", "ureq", "urlgrabber", "vert.x-webclient",
        "wget", "wget2", "whatweb", "windows-update-agent", "windowspowershell", "winhttp",
        "wpscan",
    ]
    private static let toolPrefixes = ["aws-sdk", "azsdk", "ibm-cos-sdk", "python-", "terraform-"]

    static func isTool(_ client: String) -> Bool {
        let name = client.lowercased()
        return tools.contains(name) || toolPrefixes.contains { name.hasPrefix($0) }
    }

    /// Whether the name itself says that it is a robot's.
    static func isBot(_ client: String) -> Bool {
        let name = client.lowercased()
        return ["bot", "crawler", "spider", "crawl"].contains { name.hasSuffix($0) }
    }
}
