import CSimdJSON

/// A path into a JSON document: `user.id`, `events[0].name`, `events[*].name` (the first that is
/// there), `ExtendedProperties[Name=UserAgent].Value` (the elements whose `Name` is `UserAgent`). A
/// dot or bracket of a key is written `\.`, `\[`.
struct JSONPath: Equatable {
    enum Step: Equatable {
        case member(String)
        case element(Int32)
        case any
        case select(key: String, value: String)
    }

    var steps: [Step] = []

    /// Nil when it is not a path.
    init?(_ text: String) {
        var key: [UInt8] = []
        var hasKey = false
        let bytes = Array(text.utf8)
        var i = 0
        func step() -> Step? { hasKey ? .member(String(decoding: key, as: UTF8.self)) : nil }
        while i < bytes.count {
            switch bytes[i] {
            case 0x5C:
                guard i + 1 < bytes.count else { return nil }
                key.append(bytes[i + 1])
                hasKey = true
                i += 2
            case 0x2E:
                guard
                    hasKey
                        || steps.last.map({ if case .member = $0 { false } else { true } }) == true
                else { return nil }
                if let step = step() { steps.append(step) }
                (key, hasKey) = ([], false)
                i += 1
                guard i < bytes.count else { return nil }
            case 0x5B:
                if let step = step() { steps.append(step) }
                (key, hasKey) = ([], false)
                guard let close = bytes[i...].firstIndex(of: 0x5D) else { return nil }
                let inside = String(decoding: bytes[(i + 1)..<close], as: UTF8.self)
                if inside == "*" {
                    steps.append(.any)
                } else if let index = Int32(inside), index >= 0 {
                    steps.append(.element(index))
                } else if let equals = inside.firstIndex(of: "="), equals > inside.startIndex {
                    steps.append(
                        .select(
                            key: String(inside[..<equals]),
                            value: String(inside[inside.index(after: equals)...])))
                } else {
                    return nil
                }
                i = close + 1
                guard i == bytes.count || bytes[i] == 0x2E || bytes[i] == 0x5B else { return nil }
            default:
                key.append(bytes[i])
                hasKey = true
                i += 1
            }
        }
        if let step = step() { steps.append(step) }
        guard !steps.isEmpty, steps.count <= 32, case .member = steps[0] else { return nil }
    }

    /// Adds the path to a parser's trie. Returns the slot that its value goes to.
    func add(to parser: OpaquePointer, slot: UInt32) -> UInt32 {
        var node: UInt32 = 0
        for step in steps {
            switch step {
            case .member(let key):
                node = ls_json_member(parser, node, key, key.utf8.count)
            case .element(let index):
                node = ls_json_element(parser, node, index)
            case .any:
                node = ls_json_element(parser, node, -1)
            case .select(let key, let value):
                node = ls_json_select(parser, node, key, key.utf8.count, value, value.utf8.count)
            }
        }
        return ls_json_capture(parser, node, slot)
    }
}
