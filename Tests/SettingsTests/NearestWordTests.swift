import Testing

@testable import Settings

struct NearestWordTests {
    static let distances = [
        ("", "", 0), ("a", "", 1), ("abc", "abc", 0), ("hihg", "high", 1),
        ("severty", "severity", 1),
        ("kitten", "sitting", 3), ("ca", "abc", 3), ("likley", "likely", 1),
    ]

    @Test("edits are counted, neighbours that changed places as one", arguments: distances)
    func distance(a: String, b: String, expected: Int) {
        #expect(editDistance(Array(a.utf8), Array(b.utf8)) == expected)
        #expect(editDistance(Array(b.utf8), Array(a.utf8)) == expected)
    }

    static let words: [(String, String?)] = [
        ("possible", "possible"), ("Certain", "certain"), ("posible", "possible"),
        ("cert", "certain"), ("banana", nil), ("", nil), (String(repeating: "x", count: 65), nil),
        ("li", nil), ("liekly", "likely"),
    ]

    @Test("the nearest word is found when there is one", arguments: words)
    func nearest(written: String, expected: String?) {
        #expect(nearestWord(to: written, among: ["possible", "likely", "certain"]) == expected)
    }
}
