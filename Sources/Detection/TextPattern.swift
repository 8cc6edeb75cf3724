import CRE2
import SessionModel

/// Comparing texts of records, whose writers may be attackers: no copy, no allocation, and never more
/// steps than the product of the lengths (RE2: than the text is long).
enum TextPattern {
    /// A–Z as a–z.
    @inline(__always)
    static func fold(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    @inline(__always)
    private static func same(
        _ a: UnsafePointer<UInt8>, _ b: UnsafePointer<UInt8>, _ count: Int, isCased: Bool
    ) -> Bool {
        var i = 0
        if isCased {
            while i < count {
                if a[i] != b[i] { return false }
                i &+= 1
            }
        } else {
            // The pattern is folded when it is compiled.
            while i < count {
                if fold(a[i]) != b[i] { return false }
                i &+= 1
            }
        }
        return true
    }

    static func equals(_ text: TextView, _ pattern: TextView, isCased: Bool) -> Bool {
        guard text.count == pattern.count else { return false }
        guard let a = text.base, let b = pattern.base else { return true }
        return same(a, b, text.count, isCased: isCased)
    }

    static func starts(_ text: TextView, _ pattern: TextView, isCased: Bool) -> Bool {
        guard text.count >= pattern.count else { return false }
        guard let a = text.base, let b = pattern.base else { return true }
        return same(a, b, pattern.count, isCased: isCased)
    }

    static func ends(_ text: TextView, _ pattern: TextView, isCased: Bool) -> Bool {
        guard text.count >= pattern.count else { return false }
        guard let a = text.base, let b = pattern.base else { return true }
        return same(a + (text.count - pattern.count), b, pattern.count, isCased: isCased)
    }

    static func contains(_ text: TextView, _ pattern: TextView, isCased: Bool) -> Bool {
        guard pattern.count > 0 else { return true }
        guard text.count >= pattern.count, let a = text.base, let b = pattern.base else {
            return false
        }
        let first = b[0]
        for i in 0...text.count - pattern.count
        where (isCased ? a[i] : fold(a[i])) == first {
            if same(a + i, b, pattern.count, isCased: isCased) { return true }
        }
        return false
    }

    /// `*` stands for any text, `?` for one character; `\` before one of them or itself takes it as it
    /// is. Goes back to the last `*` only, so that the steps are bounded by the product of the lengths.
    static func fits(_ text: TextView, glob: TextView, isCased: Bool) -> Bool {
        guard let p = glob.base else { return text.isEmpty }
        var (i, j) = (0, 0)
        var star = -1
        var mark = 0
        let n = text.count
        while i < n {
            guard let t = text.base else { return false }
            if j < glob.count {
                let c = p[j]
                if c == 0x2A {
                    (star, mark) = (j, i)
                    j += 1
                    continue
                }
                if c == 0x3F {
                    j += 1
                    i += 1
                    while i < n, t[i] & 0xC0 == 0x80 { i += 1 }
                    continue
                }
                let isEscape = c == 0x5C && j + 1 < glob.count && isSpecial(p[j + 1])
                let literal = isEscape ? p[j + 1] : c
                if (isCased ? t[i] : fold(t[i])) == literal {
                    i += 1
                    j += isEscape ? 2 : 1
                    continue
                }
            }
            guard star >= 0 else { return false }
            mark += 1
            (i, j) = (mark, star + 1)
        }
        while j < glob.count, p[j] == 0x2A { j += 1 }
        return j == glob.count
    }

    static func isSpecial(_ byte: UInt8) -> Bool { byte == 0x2A || byte == 0x3F || byte == 0x5C }

    /// Whether a value has wildcards that are not escaped, and what it is without the escapes.
    static func wildcards(_ value: String) -> (hasAny: Bool, plain: [UInt8]) {
        let bytes = Array(value.utf8)
        var plain: [UInt8] = []
        var hasAny = false
        var i = 0
        while i < bytes.count {
            if bytes[i] == 0x5C, i + 1 < bytes.count, isSpecial(bytes[i + 1]) {
                plain.append(bytes[i + 1])
                i += 2
                continue
            }
            if bytes[i] == 0x2A || bytes[i] == 0x3F { hasAny = true }
            plain.append(bytes[i])
            i += 1
        }
        return (hasAny, plain)
    }

    /// As a regular expression that fits the value itself, with its wildcards where `isGlob`.
    static func quoted(_ value: String, isGlob: Bool) -> String {
        var result = ""
        var scalars = Array(value.unicodeScalars)[...]
        while let scalar = scalars.popFirst() {
            switch scalar {
            case "*" where isGlob: result += "(?s:.*)"
            case "?" where isGlob: result += "(?s:.)"
            case "\\":
                if let next = scalars.first, next == "*" || next == "?" || next == "\\" {
                    scalars.removeFirst()
                    result += "\\" + String(Character(next))
                } else {
                    result += "\\\\"
                }
            case _
            where scalar.isASCII && !scalar.properties.isAlphabetic
                && !("0"..."9").contains(scalar) && scalar != " " && scalar.value > 0x20:
                result += "\\" + String(Character(scalar))
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

/// A compiled regular expression (RE2, so in linear time), freed with the value.
public final class RegularExpression: @unchecked Sendable {
    private let handle: OpaquePointer
    /// Of program and automata.
    private static let memoryBytes: Int64 = 1 << 20
    /// In bytes.
    public static let patternLimit = 1024

    /// - Throws: never; nil, with the reason, where RE2 does not take the pattern.
    public static func make(_ pattern: String) -> Result<RegularExpression, RegularExpressionError>
    {
        guard pattern.utf8.count <= patternLimit else {
            return .failure(.init(reason: "it is longer than \(patternLimit) bytes"))
        }
        var pattern = pattern
        return pattern.withUTF8 { bytes in
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 200) { error in
                error[0] = 0
                let made = bytes.withMemoryRebound(to: CChar.self) { text in
                    ls_re2_new(
                        text.baseAddress, text.count, 0, memoryBytes, error.baseAddress, error.count
                    )
                }
                guard let made else {
                    let reason = error.baseAddress.map { String(cString: $0) } ?? ""
                    return .failure(.init(reason: reason))
                }
                return .success(RegularExpression(made))
            }
        }
    }

    private init(_ handle: OpaquePointer) { self.handle = handle }

    deinit { ls_re2_free(handle) }

    /// For whoever keeps this object alive.
    var pointer: OpaquePointer { handle }

    @inline(__always)
    static func fits(_ pointer: OpaquePointer, _ text: TextView) -> Bool {
        guard let base = text.base else {
            var none: UInt8 = 0
            return withUnsafePointer(to: &none) { fits(pointer, $0, 0) }
        }
        return fits(pointer, base, text.count)
    }

    private static func fits(
        _ pointer: OpaquePointer, _ base: UnsafePointer<UInt8>, _ count: Int
    ) -> Bool {
        base.withMemoryRebound(to: CChar.self, capacity: max(1, count)) {
            ls_re2_match(pointer, $0, count, nil, 0) == 1
        }
    }
}

/// Why RE2 does not take a pattern.
public struct RegularExpressionError: Error, Equatable {
    public var reason: String
}
