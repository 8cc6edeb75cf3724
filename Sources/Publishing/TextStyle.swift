/// How text for a person is laid out.
public struct TextStyle: Sendable, Equatable {
    /// Whether to write colours (ECMA-48 SGR). The caller decides: a terminal, and no `NO_COLOR`.
    public var color: Bool
    /// Columns of a line, 40 through 200.
    public var width: Int

    public init(color: Bool = false, width: Int = 92) {
        self.color = color
        self.width = min(200, max(40, width))
    }

    enum Ink: String {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case blue = "34"
        case boldRed = "1;31"
        case alarm = "1;97;41"
    }

    func paint(_ text: String, _ ink: Ink) -> String {
        color && !text.isEmpty ? "\u{1b}[\(ink.rawValue)m\(text)\u{1b}[0m" : text
    }
}

/// Lines of at most `style.width` columns, built up one paragraph at a time.
struct TextPage {
    let style: TextStyle
    private(set) var text = ""

    init(style: TextStyle) { self.style = style }

    mutating func blank() { text += "\n" }

    /// A line as it is: what is in it must be safe and short.
    mutating func line(_ line: String) { text += line + "\n" }

    /// Wraps `words` (already safe); the first line starts with `lead`, the others under its end.
    ///
    /// A word longer than a line is cut, not left to the terminal.
    mutating func paragraph(
        lead: String = "", _ words: String, ink: TextStyle.Ink? = nil, leadInk: TextStyle.Ink? = nil
    ) {
        let indent = SafeText.columns(lead)
        let room = max(16, style.width - indent)
        let margin = String(repeating: " ", count: indent)
        var start = leadInk.map { style.paint(lead, $0) } ?? lead
        for part in TextPage.wrap(words, columns: room) {
            text += start + (ink.map { style.paint(part, $0) } ?? part) + "\n"
            start = margin
        }
    }

    /// No empty line at the end.
    mutating func trimEnd() {
        while text.hasSuffix("\n\n") { text.removeLast() }
    }

    /// `piece` as one word to `wrap`, its blanks kept.
    static func unbroken(_ piece: String) -> String {
        String(piece.map { $0 == " " ? "\u{a0}" : $0 })
    }

    /// At least one line. A no-break space is written as a plain one.
    static func wrap(_ words: String, columns: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        var used = 0
        for word in words.split(separator: " ", omittingEmptySubsequences: true) {
            let width = SafeText.columns(word)
            if used > 0, used + 1 + width <= columns {
                line += " " + word
                used += 1 + width
                continue
            }
            if used > 0 { lines.append(line) }
            guard width > columns else {
                (line, used) = (String(word), width)
                continue
            }
            (line, used) = ("", 0)
            for character in word {
                let width = SafeText.columns(character)
                if used + width > columns {
                    lines.append(line)
                    (line, used) = ("", 0)
                }
                line.append(character)
                used += width
            }
        }
        lines.append(line)
        return lines.map {
            $0.contains("\u{a0}") ? String($0.map { $0 == "\u{a0}" ? " " : $0 }) : $0
        }
    }
}
