import Testing

@testable import Response

struct RedactorTests {
    /// A body; what is shown of it.
    static let bodies: [(String, String)] = [
        (#"{"error":"no"}"#, #"{"error":"no"}"#), ("", ""), (" \r\n", ""),
        ("<html><head><TITLE> 502 Bad\nGateway </TITLE></head></html>", "502 Bad\u{FFFD}Gateway"),
        ("<!doctype html><p>x", "a page"), ("<title></title>", "a page"), ("<title>x", "a page"),
        ("<title>s3cret-token</title>", "***"), ("\n<?xml version=\"1.0\"?><Error/>", "a page"),
        ("a <title>b</title>", "a <title>b</title>"),
    ]

    @Test("a page for people is its title; whatever is shown is masked", arguments: bodies)
    func body(_ body: String, shown: String) {
        #expect(Redactor(["s3cret-token"]).shown(body: Array(body.utf8)) == shown)
    }

    @Test("a long body leaves room for what is said after it")
    func long() {
        let text = Redactor([]).shown(body: Array(repeating: 0x78, count: 5000))
        #expect(text.count == 120 && text.hasSuffix("…"))
    }
}
