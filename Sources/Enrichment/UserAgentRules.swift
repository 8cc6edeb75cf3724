internal import SessionModel

/// The three parts of uap-core's regexes.yaml, in its order.
enum UserAgentSection: Int, CaseIterable {
    case agent = 0
    case system = 1
    case device = 2

    /// The key of the part in the file.
    var key: StaticString {
        switch self {
        case .agent: "user_agent_parsers"
        case .system: "os_parsers"
        case .device: "device_parsers"
        }
    }

    /// The keys of replacements, in the order of `UserAgentRule`'s slots.
    var replacementKeys: [StaticString] {
        switch self {
        case .agent:
            [
                "family_replacement", "v1_replacement", "v2_replacement", "v3_replacement",
                "v4_replacement",
            ]
        case .system:
            [
                "os_replacement", "os_v1_replacement", "os_v2_replacement", "os_v3_replacement",
                "os_v4_replacement",
            ]
        case .device: ["device_replacement", "brand_replacement", "model_replacement"]
        }
    }
}

/// One expression and what its match means. The texts belong to the `UserAgentRules`.
struct UserAgentRule: BitwiseCopyable {
    var pattern = TextView()
    var ignoresCase = false
    /// Line of the file, from 1; 0 when it is not known.
    var line: Int32 = 0
    /// Templates in the order of the section's `replacementKeys`; a nil base is an absent one.
    var replacement0 = TextView()
    var replacement1 = TextView()
    var replacement2 = TextView()
    var replacement3 = TextView()
    var replacement4 = TextView()

    subscript(slot: Int) -> TextView {
        get {
            switch slot {
            case 0: replacement0
            case 1: replacement1
            case 2: replacement2
            case 3: replacement3
            default: replacement4
            }
        }
        set {
            switch slot {
            case 0: replacement0 = newValue
            case 1: replacement1 = newValue
            case 2: replacement2 = newValue
            case 3: replacement3 = newValue
            default: replacement4 = newValue
            }
        }
    }
}

/// The rules of one file, in the order in which they are tried: agents, systems, devices.
///
/// Immutable, and owner of the bytes that its rules view.
final class UserAgentRules: @unchecked Sendable {
    /// Far above uap-core's 204 KB and 1162 expressions.
    static let byteLimit = 8 << 20
    static let ruleLimit = 16_384

    let rules: [UserAgentRule]
    /// Where each section's rules are in `rules`.
    let ranges: [Range<Int>]
    private let storage: UserAgentText

    init(rules: [UserAgentRule], ranges: [Range<Int>], storage: UserAgentText) {
        (self.rules, self.ranges, self.storage) = (rules, ranges, storage)
    }

    func range(_ section: UserAgentSection) -> Range<Int> { ranges[section.rawValue] }
}

/// Bytes at an address of their own, of a capacity that is known beforehand.
final class UserAgentText {
    private let base: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    private var count = 0

    init(capacity: Int) {
        base = .allocate(capacity: max(capacity, 1))
        self.capacity = capacity
    }

    deinit { base.deallocate() }

    /// A copy of `bytes`, with each doubled apostrophe as one where `joiningApostrophes`.
    ///
    /// The view's base is never nil, so an empty text differs from an absent one.
    func add(_ bytes: UnsafeBufferPointer<UInt8>, joiningApostrophes: Bool = false) -> TextView {
        precondition(bytes.count <= capacity - count, "the reader asked for the file's size")
        let start = count
        var i = 0
        while i < bytes.count {
            base[count] = bytes[i]
            count += 1
            i += joiningApostrophes && bytes[i] == 0x27 ? 2 : 1
        }
        return TextView(base: base + start, count: count - start)
    }
}
