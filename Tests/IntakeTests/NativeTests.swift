import SessionModel
import Testing

@testable import Intake

struct NativeTests {
    @Test("a whole native record comes through")
    func whole() throws {
        let line =
            #"{"id":"e1","time":"2026-03-01T08:15:30.120Z","event":"login","outcome":"success","user":{"id":"u1","name":"ann@example.com"},"session":{"id":"s1"},"device":{"id":"d1"},"ip":"81.2.69.142","user_agent":"Mozilla/5.0 …","application":"mail","auth":{"method":"password"},"tenant":"acme"}"#
        #expect(
            try decode(line).records == [
                "time=2026-03-01T08:15:30.120Z id=e1 tenant=acme user.id=u1 user.name=ann@example.com "
                    + "session.id=s1 device.id=d1 ip=81.2.69.142 user_agent=Mozilla/5.0 … application=mail "
                    + "event=login outcome=success auth.method=password"
            ])
    }

    /// Lines that are taken: what changes in the record.
    static let goodLines: [(String, String)] = [
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"ip":"1.2.3.4"}"#,
            "ip=1.2.3.4 event=activity outcome=unknown"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"session":{"id":"s"}}"#,
            "session.id=s event=activity"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"device":{"id":"d"}}"#,
            "device.id=d event=activity"
        ),
        (#"{"time":"2026-03-01T00:00:00Z","user":{"id":42},"ip":"1.2.3.4"}"#, "user.id=42"),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u\u00e9\ud83d\ude00\/"},"ip":"1.2.3.4"}"#,
            "user.id=ué😀/"
        ),
        (#"{"time":"2026-03-01T00:00:00Z","us\u0065r":{"id":"u"},"ip":"1.2.3.4"}"#, "user.id=u"),
        (
            "  {\t\"time\" : \"2026-03-01T00:00:00Z\" , \"user\":{ \"id\" : \"u\"\t} ,\"ip\":\"[2001:db8::1]:443\"}\r",
            "ip=2001:db8::1"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"ip":"1.2.3.4","event":"LOGIN","outcome":"Failure"}"#,
            "event=login outcome=failure"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"ip":"1.2.3.4","auth":{"method":"smoke signal"}}"#,
            "outcome=unknown"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"ip":"-","session":{"id":"s"}}"#,
            "user.id=u session.id=s event"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"ip":"0.0.0.0","session":{"id":"s"}}"#,
            "user.id=u session.id=s event"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"ip":"::","session":{"id":"s"}}"#,
            "user.id=u session.id=s event"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"ip":"1.2.3.4","session":{"id":"null"}}"#,
            "user.id=u ip="
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"ip":"1.2.3.4","session":null,"device":{}}"#,
            "user.id=u ip="
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"ip":"1.2.3.4","x":[1,-2.5e+3,true,null,{"user":{"id":"no"}}]}"#,
            "user.id=u ip="
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"ip":"1.2.3.4","user_agent":"a\tb\u0000c"}"#,
            "user_agent=a b c"
        ),
        (#"{"time":"2026-03-01T00:00:00Z","user":{"id":"na"},"ip":"1.2.3.4"}"#, "user.id=na"),
        (#"{"time":"2000-01-01T00:00:00Z","user":{"id":"u"},"ip":"1.2.3.4"}"#, "time=2000-01-01"),
        (
            #"{"time":"2026-11-24T12:00:00.000Z","user":{"id":"u"},"ip":"1.2.3.4"}"#,
            "time=2026-11-24T12"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"\#(String(repeating: "u", count: 256))"},"ip":"1.2.3.4"}"#,
            "ip=1.2.3.4"
        ),
    ]

    @Test("sound lines are taken", arguments: goodLines)
    func taken(line: String, part: String) throws {
        let decoded = try decode(line + "\n")
        #expect(decoded.rejects == [])
        #expect(decoded.records.count == 1)
        #expect(decoded.records.first?.contains(part) == true, "\(decoded.records)")
    }

    /// Lines that are refused, and a word of the reason.
    static let badLines: [(String, String)] = [
        (#"{"user":{"id":"u"},"ip":"1.2.3.4"}"#, "time is missing"),
        (#"{"time":"yesterday","user":{"id":"u"},"ip":"1.2.3.4"}"#, "time 'yesterday' is not one"),
        (#"{"time":1700000000,"user":{"id":"u"},"ip":"1.2.3.4"}"#, "is not one"),
        (#"{"time":"1999-12-31T23:59:59.999Z","user":{"id":"u"},"ip":"1.2.3.4"}"#, "before 2000"),
        (
            #"{"time":"2026-11-24T12:00:00.001Z","user":{"id":"u"},"ip":"1.2.3.4"}"#,
            "more than a day after now"
        ),
        (#"{"time":"2026-03-01T00:00:00Z","ip":"1.2.3.4"}"#, "user.id is missing"),
        (#"{"time":"2026-03-01T00:00:00Z","user":"ann","ip":"1.2.3.4"}"#, "user.id is missing"),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":null},"ip":"1.2.3.4"}"#,
            "user.id is missing"
        ),
        (#"{"time":"2026-03-01T00:00:00Z","user":{"id":""},"ip":"1.2.3.4"}"#, "stands for no user"),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"  "},"ip":"1.2.3.4"}"#,
            "stands for no user"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"-"},"ip":"1.2.3.4"}"#,
            "stands for no user"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"Unknown"},"ip":"1.2.3.4"}"#,
            "stands for no user"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":" not available "},"ip":"1.2.3.4"}"#,
            "stands for no user"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"null"},"ip":"1.2.3.4"}"#,
            "stands for no user"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":{"a":1}},"ip":"1.2.3.4"}"#,
            "an object or a list"
        ),
        (#"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"}}"#, "none of ip"),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"session":{"id":"-"},"ip":"unknown"}"#,
            "none of ip"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"session":{"id":"s"},"ip":"300.1.1.1"}"#,
            "not an address"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"session":{"id":"s"},"ip":"example.com"}"#,
            "not an address"
        ),
        (#"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"ip":16909060}"#, "not an address"),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"a\u0000b"},"ip":"1.2.3.4"}"#,
            "control character"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"session":{"id":"a\nb"},"ip":"1.2.3.4"}"#,
            "session.id has a control"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"ip":"1.2.3.4","event":"dance"}"#,
            "event 'dance' is unknown"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"ip":"1.2.3.4","outcome":"maybe"}"#,
            "outcome 'maybe' is unknown"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"ip":"1.2.3.4","ip":"1.2.3.5"}"#,
            "twice"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"user":{"id":"v"},"ip":"1.2.3.4"}"#,
            "twice"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"\#(String(repeating: "u", count: 257))"},"ip":"1.2.3.4"}"#,
            "user.id has 257 bytes: 256 at most"
        ),
        (
            #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"device":{"id":"\#(String(repeating: "d", count: 513))"},"ip":"1.2.3.4"}"#,
            "device.id has 513"
        ),
        (
            #"{"id":"\#(String(repeating: "i", count: 257))","time":"2026-03-01T00:00:00Z","user":{"id":"u"},"ip":"1.2.3.4"}"#,
            "id has 257"
        ),
        (
            #"{"tenant":"\#(String(repeating: "t", count: 129))","time":"2026-03-01T00:00:00Z","user":{"id":"u"},"ip":"1.2.3.4"}"#,
            "tenant has 129"
        ),
        ("{", "ends early"),
        (#"{"time":"2026-03-01T00:00:00Z""#, "ends early"),
        (#"{"a":"b}"#, "not closed"),
        (#"{"a":1} {"b":2}"#, "follows the JSON object"),
        (#"{"a":1}}"#, "follows the JSON object"),
        (#"{"a":tru}"#, "not JSON"),
        (#"{"a":01}"#, "not JSON"),
        (#"{"a":1.}"#, "not JSON"),
        (#"{"a":1,}"#, "not JSON"),
        (#"{"a" 1}"#, "not JSON"),
        (#"{a:1}"#, "not JSON"),
        (#"{"a":"\q"}"#, "escape"),
        (#"{"a":"\ud800"}"#, "escape"),
        (#"{"a":"\ud800\u0041"}"#, "escape"),
        (#"{"user":{"id":"\udc00"}}"#, "escape"),
        ("{\"a\":\"x\ty\"}", "control character"),
        ("42", "not a JSON object"),
        ("\"text\"", "not a JSON object"),
        ("garbage", "not JSON"),
        ("\u{0}", "not JSON"),
    ]

    @Test("bad lines are refused with their reason, and cost one line", arguments: badLines)
    func refused(line: String, word: String) throws {
        let decoded = try decode("\(native(1))\n\(line)\n\(native(2))\n")
        #expect(decoded.records.count == 2)
        #expect(decoded.rejects.count == 1)
        #expect(decoded.rejects.first?.reason.contains(word) == true, "\(decoded.rejects)")
        #expect(decoded.rejects.first?.line == 2)
        #expect(decoded.lines == 3)
    }

    @Test("nesting of 64 is taken and of 65 refused", arguments: [(64, 0), (65, 1)])
    func depth(levels: Int, refused: Int) throws {
        let nested =
            String(repeating: "[", count: levels - 1) + String(repeating: "]", count: levels - 1)
        let decoded = try decode(native(1, rest: #","x":\#(nested)"#))
        #expect(decoded.rejects.count == refused)
        #expect(decoded.rejects.allSatisfy { $0.reason.contains("deeper than 64") })
    }

    @Test(
        "invalid UTF-8 is refused wherever it is",
        arguments: [[0xFF], [0xC3, 0x28], [0xED, 0xA0, 0x80], [0xE2, 0x82]] as [[UInt8]])
    func encoding(bytes: [UInt8]) throws {
        let scratch = Scratch()
        let bad = Array(#"{"unwanted":""#.utf8) + bytes + Array(#""}"#.utf8)
        let path = scratch.write(
            "a", Array((native(1) + "\n").utf8) + bad + Array(("\n" + native(2)).utf8))
        let decoded = try readAll(path)
        #expect(decoded.records.count == 2)
        #expect(decoded.rejects.map(\.line) == [2])
        #expect(decoded.rejects.first?.reason.contains("UTF-8") == true)
    }

    @Test(
        "a line of 1 MiB is taken and one byte more refused", arguments: [(0, 0), (1, 1)],
        [1000, 1 << 20, 4 << 20])
    func longLine(over: (Int, Int), maximumBytes: Int) throws {
        let scratch = Scratch()
        let rest = native(2, rest: #","x":"""#).utf8.count
        let filler = String(repeating: "x", count: TextLimit.line - rest + over.0)
        let text = "\(native(1))\n\(native(2, rest: #","x":"\#(filler)""#))\n\(native(3))\n"
        let decoded = try readAll(scratch.write("a", text), maximumBytes: maximumBytes)
        #expect(decoded.rejects.count == over.1)
        #expect(decoded.records.count == 3 - over.1)
        #expect(
            decoded.rejects.allSatisfy {
                $0.line == 2 && $0.reason.contains("1 MiB") && $0.text.utf8.count == 4096
            })
        #expect(decoded.records.last?.hasPrefix("3@\(text.utf8.count)#0 ") == true)
    }

    @Test("descriptive texts are cut at a character")
    func descriptions() throws {
        let decoded = try decode(
            native(1, rest: #","application":"\#(String(repeating: "é", count: 100))""#))
        #expect(
            decoded.records.first?.contains(
                "application=" + String(repeating: "é", count: 64) + " ") == true)
    }

    @Test(
        "line and end offset are right with CRLF, blank lines, a byte order mark and no last newline"
    )
    func places() throws {
        let scratch = Scratch()
        let first = native(1)
        let text = "\u{FEFF}\(first)\r\n\r\n  \n\(native(2))\n\n\(native(3))"
        let decoded = try readAll(scratch.write("a", text))
        #expect(decoded.rejects == [])
        let places = decoded.records.map { $0.prefix { $0 != "#" } }
        let ends = [
            3 + first.utf8.count + 2, text.utf8.count - native(3).utf8.count - 1, text.utf8.count,
        ]
        #expect(places == ["1@\(ends[0])", "4@\(ends[1])", "6@\(ends[2])"])
        #expect(decoded.lines == 3)
    }

    @Test("records without an id are told apart by their bytes")
    func contentHash() throws {
        let scratch = Scratch()
        let one = #"{"time":"2026-03-01T00:00:00Z","user":{"id":"u"},"ip":"1.2.3.4"}"#
        let two = #"{"time":"2026-03-01T00:00:01Z","user":{"id":"u"},"ip":"1.2.3.4"}"#
        let decoded = try readAll(scratch.write("a", "\(one)\n\(two)\r\n\(one)\r\n"))
        let hashes = decoded.records.map { $0.split(separator: "#")[1].prefix { $0 != " " } }
        #expect(hashes[0] == hashes[2])
        #expect(hashes[0] != hashes[1])
        #expect(!hashes.contains("0"))
    }
}
