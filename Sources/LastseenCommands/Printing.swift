import Glibc
import Publishing
import SessionModel

/// Writes text to standard output: all of it, or an error. A reader that has gone (`| head`) is none.
func put(_ text: String) throws(OutputError) {
    try OutputFile.replace("-", with: Array(text.utf8))
}

/// `count` and its noun: `1 alert`, `5 alerts`.
func counted(_ count: Int, _ noun: String) -> String {
    count == 1 ? "1 \(noun)" : "\(count) \(noun)s"
}

/// `text` in at least so many columns. What is longer stays as it is.
func padded(_ text: String, to width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
}

/// `8.0 MB`, `12 kB`.
func sizeText(_ bytes: Int) -> String {
    if bytes < 1000 { return "\(bytes) bytes" }
    if bytes < 1_000_000 { return "\(bytes / 1000) kB" }
    return "\(bytes / 1_000_000).\(bytes / 100_000 % 10) MB"
}

/// Words wrapped to `width` columns, each line behind `indent` blanks.
func wrapped(_ text: String, indent: Int, width: Int = 92) -> String {
    let margin = String(repeating: " ", count: indent)
    var out = ""
    var line = ""
    for word in text.split(whereSeparator: { $0 == " " || $0.isNewline }) {
        if !line.isEmpty, line.count + 1 + word.count > width - indent {
            out += margin + line + "\n"
            line = ""
        }
        line += (line.isEmpty ? "" : " ") + word
    }
    return line.isEmpty ? out : out + margin + line + "\n"
}
