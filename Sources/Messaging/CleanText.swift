internal import Response

/// Text from records on one line, with what hides or steers replaced, cut at `limit` scalars, the last
/// of them `…`.
func clean(_ text: String, limit: Int) -> String { plain(text, limit: max(1, limit - 1)) }

/// `clean`, with addresses of the web made unusable: chat programs turn them into links, and whoever
/// chose a user agent or a name could have readers click on theirs.
func defanged(_ text: String, limit: Int) -> String {
    var text = text
    for (from, to) in [("://", "[:]//"), ("www.", "www[.]"), ("mailto:", "mailto[:]")]
    where text.contains(from) {
        text = text.split(separator: from, omittingEmptySubsequences: false).joined(separator: to)
    }
    return clean(text, limit: limit)
}

/// Cut at `limit` scalars, the last of them `…`. For what is escaped, cut before escaping.
func cut(_ text: String, limit: Int) -> String {
    guard text.unicodeScalars.count > limit else { return text }
    var result = String.UnicodeScalarView(text.unicodeScalars.prefix(max(0, limit - 1)))
    result.append("…")
    return String(result)
}
