import SessionModel
import Testing

@testable import Messaging

struct AnswerTokenTests {
    static let key = try! AnswerKey("0123456789abcdef0123456789abcdef")
    static let other = try! AnswerKey("ffffffffffffffffffffffffffffffff")
    static let token = AnswerToken(
        alertID: "a-0123456789abcdef", revision: 2, answer: .notMine, language: "de",
        expires: .at("2026-03-19T10:20:00Z"))

    private func verify(
        _ text: String, key: AnswerKey = Self.key, now: String = "2026-03-12T10:20:00Z"
    ) -> Result<AnswerToken, AnswerToken.Refusal> {
        Result { () throws(AnswerToken.Refusal) in
            try AnswerToken.verify(text, key: key, now: .at(now))
        }
    }

    @Test("what was signed is read back")
    func roundTrip() {
        #expect(verify(Self.token.text(key: Self.key)) == .success(Self.token))
    }

    @Test("a link ends at its time, and not before")
    func ends() {
        let text = Self.token.text(key: Self.key)
        #expect(verify(text, now: "2026-03-19T10:19:59.999Z") == .success(Self.token))
        #expect(verify(text, now: "2026-03-19T10:20:00Z") == .failure(.expired))
    }

    @Test("a change of any one character is refused")
    func tampering() {
        let text = Array(Self.token.text(key: Self.key))
        for index in text.indices {
            var changed = text
            changed[index] = changed[index] == "1" ? "2" : "1"
            #expect(verify(String(changed)) == .failure(.invalid), "at \(index)")
        }
    }

    static let odd = [
        "", ".", "......", "1.a.1.m.en.99999999999.", "1.a-0.1.m.en.1", "null",
        String(repeating: "1.", count: 5000),
    ]

    @Test("what is no link is refused", arguments: odd)
    func refusesOdd(text: String) { #expect(verify(text) == .failure(.invalid)) }

    @Test("another's key is refused, and an older key of ours accepted")
    func keys() throws {
        let text = Self.token.text(key: Self.key)
        #expect(verify(text, key: Self.other) == .failure(.invalid))
        let both = try AnswerKey(
            "ffffffffffffffffffffffffffffffff\n0123456789abcdef0123456789abcdef\n")
        #expect(verify(text, key: both) == .success(Self.token))
        #expect(verify(Self.token.text(key: both), key: Self.other) == .success(Self.token))
    }

    @Test("each link has an id of its own")
    func ids() {
        var mine = Self.token
        mine.answer = .mine
        var later = Self.token
        later.revision = 3
        #expect(Set([Self.token.id, mine.id, later.id]).count == 3)
    }

    static let badKeys = ["", "short", String(repeating: "a", count: 31), "a b c d e"]

    @Test("a weak key is refused", arguments: badKeys)
    func weak(text: String) {
        #expect(throws: MessagingError.self) { try AnswerKey(text) }
    }

    @Test("a key is never shown")
    func masked() {
        #expect("\(Self.key)" == "***")
        var dumped = ""
        dump(Self.key, to: &dumped)
        #expect(!dumped.contains("48, 49"))
    }

    @Test("the page that asks holds the token once, in the form, and runs nothing")
    func page() throws {
        let text = Self.token.text(key: Self.key)
        let page = AnswerPages(phraseBook: try .shipped()).question(Self.token, text: text)
        #expect(page.components(separatedBy: text).count == 2)
        #expect(page.contains("<form method=\"post\""))
        #expect(page.contains("Das war ich nicht"))
        #expect(!page.contains("<script") && !page.contains("http"))
        let hostile = AnswerPages(phraseBook: try .shipped()).question(
            Self.token, text: "\"><script>alert(1)</script>")
        #expect(!hostile.contains("<script"))
    }

    @Test("every outcome has words in every language", arguments: AnswerPages.Outcome.allCases)
    func outcomes(outcome: AnswerPages.Outcome) throws {
        let pages = AnswerPages(phraseBook: try .shipped())
        for language in ["en", "de"] {
            #expect(!pages.words(outcome, language: language).hasPrefix("page."))
        }
    }
}

extension String {
    fileprivate func components(separatedBy text: String) -> [Substring] {
        split(separator: text, omittingEmptySubsequences: false)
    }
}
