/// Text from records made fit to be shown: nothing in it can move a cursor, hide, reorder or flood.
///
/// Names, user agents, addresses and session ids are written by attackers. Escape sequences drive
/// terminals, bidirectional marks reverse what a person reads (CVE-2021-42574), and invisible
/// characters make two names look alike.
public enum SafeText {
    /// Longest field shown, in scalars; what is beyond it becomes `…`. Longer than any sentence of
    /// ours, shorter than a screen.
    public static let limit = 600

    /// `text` with each scalar that is not plainly visible written as `\u{1b}`, cut at `limit`.
    public static func visible(_ text: String, limit: Int = SafeText.limit) -> String {
        if text.utf8.count <= limit, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
            return text
        }
        var out = ""
        var count = 0
        var marks = 0
        for scalar in text.unicodeScalars {
            guard count < limit else {
                out += "…"
                break
            }
            count += 1
            marks = isMark(scalar) ? marks + 1 : 0
            if isHidden(scalar) || marks > 4 {
                out += "\\u{" + String(scalar.value, radix: 16) + "}"
            } else {
                out.unicodeScalars.append(scalar)
            }
        }
        return out
    }

    /// Whether a scalar steers or hides text instead of showing. The zero-width joiner and non-joiner
    /// stay: Persian and emoji need them.
    static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00...0x1F, 0x7F...0x9F, 0xAD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5,
            0x180B...0x180E, 0x200B, 0x200E, 0x200F, 0x2028...0x202E, 0x2060...0x206F, 0x3164,
            0xFEFF, 0xFFA0, 0xFFF0...0xFFFB, 0x1D173...0x1D17A, 0xE0000...0xE0FFF:
            true
        default: scalar.properties.generalCategory == .unassigned
        }
    }

    /// Stacked marks can cover the lines above; a letter has at most a few.
    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: true
        default: false
        }
    }

    /// Columns that a terminal gives a character: two for East Asian wide ones and emoji.
    static func columns(_ character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
            0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF,
            0x1F900...0x1FAFF, 0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }

    static func columns(_ text: some StringProtocol) -> Int {
        // Plain ASCII, the usual case, needs no walk over grapheme clusters.
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text.utf8.count }
        return text.reduce(0) { $0 + columns($1) }
    }
}
