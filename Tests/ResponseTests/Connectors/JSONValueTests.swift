import Foundation
import Testing

@testable import Response

struct JSONValueTests {
    static let documents: [(String, JSONValue)] = [
        ("null", .null), (" true ", .bool(true)), ("false", .bool(false)), ("0", .number(0)),
        ("-0.5e+2", .number(-50)), ("1E3", .number(1000)), ("\"\"", .text("")),
        (#""a\"\\\/\b\f\n\r\tü\u00FC\ud83d\ude00""#, .text("a\"\\/\u{8}\u{C}\n\r\tüü😀")),
        ("[]", .array([])),
        ("[1, [2],\n{}]", .array([.number(1), .array([.number(2)]), .object([:])])),
        (#"{"a":{"b":[null]},"a":1}"#, .object(["a": .number(1)])),
        (String(repeating: "[", count: 64) + String(repeating: "]", count: 64), .null),
    ]

    @Test("JSON is read as it is", arguments: documents)
    func right(text: String, value: JSONValue) {
        let read = JSONValue(Array(text.utf8))
        #expect(read == value || text.hasPrefix("[[") && read != nil)
    }

    @Test(
        "what is not JSON, or too deep, is refused",
        arguments: [
            "", " ", "x", "nul", "nulll", "+1", "01", "1.", ".5", "1e", "--1", "1e999", "NaN",
            "[1,]",
            "[", "[1 2]", "{", "{a:1}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{1:2}"#, "\"",
            "\"\u{1}\"", #""\x""#, #""\u12""#, #""\ud800""#, #""\ud800A""#, #""\udc00""#, "1 2",
            "\u{FEFF}1", String(repeating: "[", count: 65) + String(repeating: "]", count: 65),
            String(repeating: "[", count: 100_000),
            "[" + String(repeating: "0,", count: 99_999) + "0]",
            "1" + String(repeating: "0", count: 64),
        ])
    func wrong(text: String) { #expect(JSONValue(Array(text.utf8)) == nil) }

    @Test("bytes that are not UTF-8 are refused")
    func notText() { #expect(JSONValue([0x22, 0xFF, 0x22]) == nil) }

    @Test("damaged JSON is never more than refused", arguments: 0..<50)
    func damaged(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let text = #"{"a":[1.5e3,-2,"x\u00e9\n",{"b":true,"c":null}],"d":"😀"}"#
        for _ in 0..<100 {
            var bytes = Array(text.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = .random(
                    in: .min ... .max, using: &random)
            }
            guard let value = JSONValue(bytes) else { continue }
            // What is taken, Foundation takes too.
            #expect(
                (try? JSONSerialization.jsonObject(with: Data(bytes))) != nil,
                "seed \(seed): \(String(decoding: bytes, as: UTF8.self)) → \(value)")
        }
    }
}
