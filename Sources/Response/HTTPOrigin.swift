internal import CCurl

/// What a configured URL may be, read with the parser that will use it.
enum HTTPOrigin {
    /// What a message about a URL advises.
    struct Remedies {
        /// Why no user and password belong into it.
        var credentials: String
        /// The setting that lets private addresses be reached, and `http:` there.
        var privacy: String
        var example: String
    }

    /// `https://host:port`, and whether it is encrypted. The URL is never shown, since parts of it
    /// can be secrets.
    static func checked(
        _ url: String, name: String, allowsPrivate: Bool, remedies: Remedies
    ) throws(ResponseError) -> (origin: String, isTLS: Bool) {
        func bad(_ allowed: String) -> ResponseError {
            .badSetting(name: name, value: "(not shown)", allowed: allowed)
        }
        guard (1...2048).contains(url.utf8.count), url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { throw bad("a URL of at most 2048 printable ASCII characters") }
        var isTLS: Int32 = 0
        var room = [CChar](repeating: 0, count: 512)
        switch unsafe ccurl_check_url(url, &isTLS, &room, room.count) {
        case CCURL_URL_OK: break
        case CCURL_URL_SCHEME: throw bad("https://… (or http://… to a private address)")
        case CCURL_URL_HAS_CREDENTIALS:
            throw bad("a URL without user and password: \(remedies.credentials)")
        default: throw bad("a URL such as \(remedies.example)")
        }
        guard isTLS != 0 || allowsPrivate else {
            throw bad("https://…; http:// only to private addresses, with \(remedies.privacy)")
        }
        let origin = String(
            decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return (origin, isTLS != 0)
    }
}
