/// The known word that a person most likely meant, or nil when none is close.
///
/// Close is an edit distance (Damerau's, where swapping neighbours is one edit; the restricted
/// form) of at most a third of the longer word, at least 2, or a known word that begins with what
/// was written. Ties go to the first of `known`.
/// Cost: the product of the lengths for each known word; words over 64 bytes have no neighbour.
package func nearestWord(to word: String, among known: [String]) -> String? {
    func normal(_ text: String) -> [UInt8] {
        text.lowercased().utf8.map { $0 == 0x5F || $0 == 0x20 ? 0x2D : $0 }
    }
    let written = normal(word)
    guard !written.isEmpty, written.count <= 64 else { return nil }
    var best: (word: String, distance: Int)?
    for candidate in known {
        let letters = normal(candidate)
        var distance = editDistance(written, letters)
        if written.count >= 3, letters.starts(with: written) { distance = min(distance, 2) }
        guard distance <= max(2, max(written.count, letters.count) / 3) else { continue }
        // A word of two or three letters is two edits away from every other.
        guard distance < min(written.count, letters.count) else { continue }
        if best == nil || distance < best!.distance { best = (candidate, distance) }
    }
    return best?.word
}

/// Optimal string alignment distance.
func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    var current = beforeLast
    for i in 1...a.count {
        current[0] = i
        for j in 1...b.count {
            let change = a[i - 1] == b[j - 1] ? 0 : 1
            current[j] = min(last[j] + 1, current[j - 1] + 1, last[j - 1] + change)
            if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                current[j] = min(current[j], beforeLast[j - 2] + 1)
            }
        }
        (beforeLast, last, current) = (last, current, beforeLast)
    }
    return last[b.count]
}

/// ` Did you mean 'likely'?`, or the words to choose from when they are few, or nothing.
package func hint(for word: String, among known: [String]) -> String {
    if let nearest = nearestWord(to: word, among: known) { return " Did you mean '\(nearest)'?" }
    return known.count <= 16 ? " Use \(alternatives(known))." : ""
}

/// `a, b or c`.
package func alternatives(_ words: [String]) -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " or " + last
}
