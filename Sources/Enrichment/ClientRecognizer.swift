public import SessionModel

/// Tells what client, system and kind of device a user agent names, as a key that an update of any
/// of them does not change, and a label for a person.
///
/// One for each worker thread; they share a `UserAgentParser`. A user agent that was seen before
/// costs some 25 ns, a new one some 6 µs. The answer depends on the text alone, never on what came
/// before.
///
/// What it cannot tell apart: two browsers that send the same user agent (Brave and Chrome; Safari
/// on an iPad that asks for desktop pages and on a Mac), and an Apple app on a Mac and on a phone,
/// whose user agents name only Darwin.
public final class ClientRecognizer {
    /// Part of every key, so that keys of another scheme are known to be no others' devices.
    /// To be raised whenever any user agent's key changes.
    public static let schemeVersion: UInt8 = 1

    private let parser: UserAgentParser
    private let scratch: UserAgentPrefilter.Scratch
    private var cache: ClientCache

    /// User agents that had to be worked out rather than remembered.
    public private(set) var parsedCount = 0

    /// `memoryLimit` in bytes bounds what is remembered from one chunk to the next (some 300 bytes
    /// a user agent). Within a chunk it grows by what the chunk brings.
    public init(parser: UserAgentParser, memoryLimit: Int = 24 << 20) {
        self.parser = parser
        scratch = UserAgentPrefilter.Scratch(for: parser.filter)
        cache = ClientCache(limit: memoryLimit)
    }

    /// Ends the life of the labels handed out so far, where memory is due to be freed. To be called
    /// between chunks.
    public func beginChunk() { cache.trim() }

    /// How many user agents are remembered.
    public var rememberedCount: Int { cache.count }

    /// What a user agent says. Its label lives until the next `beginChunk()`.
    ///
    /// The key is 0 and the label empty for an empty text or one that stands for none (`-`,
    /// `null`). Any other text has a key, by its product's name where no expression knows it. Texts
    /// longer than `TextLimit.userAgent` bytes are cut.
    @inline(__always) public func facts(userAgent: TextView) -> ClientFacts {
        if userAgent.isEmpty { return ClientFacts() }
        let text =
            userAgent.count > TextLimit.userAgent
            ? userAgent.prefix(TextLimit.userAgent) : userAgent
        return cache.facts(of: text) ?? workOut(text)
    }

    @inline(never) private func workOut(_ text: TextView) -> ClientFacts {
        parsedCount += 1
        let trimmed = text.trimmed
        if ClientName.isPlaceholder(trimmed) { return cache.add(text, ClientFacts()) }
        let identity = parser.identity(of: trimmed.prefix(UserAgentParser.textLimit), scratch)
        var facts = ClientFacts()
        facts.key = identity.key
        facts.form = identity.form
        var label = identity.label
        return label.withUTF8 { bytes in
            facts.label = TextView(bytes)
            return cache.add(text, facts)
        }
    }
}

extension TextView {
    /// Without spaces and controls at either end.
    fileprivate var trimmed: TextView {
        guard let first = bytes.firstIndex(where: { $0 > 0x20 }),
            let last = bytes.lastIndex(where: { $0 > 0x20 })
        else { return TextView() }
        return TextView(UnsafeBufferPointer(rebasing: bytes[first...last]))
    }
}
