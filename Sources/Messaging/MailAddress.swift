/// A mail address of ASCII in its plain form: `dot-atom@domain` (RFC 5322, 3.4.1).
///
/// Quoted local parts, comments, address literals and other scripts are refused: no mailbox of an
/// organization needs them, and they are where header injection hides.
public struct MailAddress: Hashable, Sendable, CustomStringConvertible {
    public let text: String
    /// In lower case.
    public let domain: String

    public init?(_ text: String) {
        // RFC 5321, 4.5.3.1: 64 octets before the sign, 254 in all.
        guard text.utf8.count <= 254, let at = text.lastIndex(of: "@") else { return nil }
        let local = text[..<at]
        let domain = text[text.index(after: at)...]
        guard (1...64).contains(local.utf8.count), Self.areAtoms(local) else { return nil }
        let labels = domain.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count >= 2, labels.allSatisfy(Self.isLabel),
            let top = labels.last, !top.utf8.allSatisfy({ (48...57).contains($0) })
        else { return nil }
        self.text = text
        self.domain = domain.lowercased()
    }

    public var description: String { text }

    private static func areAtoms(_ text: Substring) -> Bool {
        text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { atom in
            !atom.isEmpty
                && atom.utf8.allSatisfy { byte in
                    isAlphanumeric(byte) || "!#$%&'*+-/=?^_`{|}~".utf8.contains(byte)
                }
        }
    }

    private static func isLabel(_ label: Substring) -> Bool {
        (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
            && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2D }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }
}
