/// A text of an attacker's (a name, a session id, a program's output) on one line of a ticket or
/// terminal: control characters, line and paragraph separators, and what reverses or hides text
/// become U+FFFD; what is longer than `limit` characters is cut, with an ellipsis.
///
/// The usual text, printable ASCII, is returned as it is.
package func plain(_ text: String, limit: Int) -> String {
    let isPrintable = text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    if isPrintable, text.utf8.count <= limit { return text }
    var result = String.UnicodeScalarView()
    var count = 0
    for scalar in text.unicodeScalars {
        if count == limit {
            result.append("…")
            break
        }
        result.append(isHidden(scalar) ? "\u{FFFD}" : scalar)
        count += 1
    }
    return String(result)
}

/// Control and format characters: C0, C1, bidirectional marks, overrides and isolates (the "Trojan
/// Source" set), zero-width ones, separators, tags, and what is never a character.
private func isHidden(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse,
        .unassigned:
        true
    default:
        false
    }
}
