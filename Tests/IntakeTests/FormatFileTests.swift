import SessionModel
import Testing

@testable import Intake

struct FormatFileTests {
    static let mine = """
        name: mine
        description: of our own
        decoder: csv
        delimiter: ;
        detect: [[when, who]]
        keep:
          - {field: kind, in: [in, out]}
        fields:
          time: when
          user.id: [uid, who]
          ip: from
          session.id: {from: [host, pid], join: ':'}
          event:
            from: kind
            values: {in: login, out: logout}
          outcome: {constant: success}
        time: [M/d/yyyy h:mm:ss a, unix_ms]
        """

    @Test("a format of the user's own")
    func own() throws {
        let scratch = Scratch()
        let format = try Format.load(path: scratch.write("mine.yaml", FormatFileTests.mine))
        let text = """
            when;uid;who;from;host;pid;kind
            3/24/2021 2:39:56 PM;-;ann;1.2.3.4;h;7;in
            1616553596000;9;ann;1.2.3.4;h;;out
            3/24/2021 12:00:00 AM;9;ann;;h;1;IN
            3/24/2021 2:39:56;9;ann;1.2.3.4;h;7;in
            3/24/2021 2:39:56 AM;9;ann;1.2.3.4;h;7;in;

            """
        let decoded = try readAll(
            scratch.write("a", text), format: .auto(also: [format]), withPlaces: false)
        #expect(
            decoded.records == [
                "time=2021-03-24T14:39:56.000Z user.id=ann session.id=h:7 ip=1.2.3.4 event=login outcome=success",
                "time=2021-03-24T02:39:56.000Z user.id=9 ip=1.2.3.4 event=logout outcome=success",
            ])
        #expect(decoded.skipped == 1, "conditions are compared as written")
        #expect(decoded.rejects.map(\.line) == [5, 6])
        #expect(decoded.rejects.last?.reason.contains("has 8 columns, the header 7") == true)
    }

    /// A change to the format above, and what its error says.
    static let wrong: [(String, String, String)] = [
        (
            "decoder: csv", "decoder: cvs",
            "mine.yaml:3:10: 'cvs' is no decoder. Did you mean 'csv'?"
        ),
        (
            "detect:", "detects:",
            "mine.yaml:5:1: unknown key 'detects' in a format. Did you mean 'detect'?"
        ),
        (
            "user.id:", "user.ids:",
            "mine.yaml:10:3: 'user.ids' is no field of a record. Did you mean 'user.id'?"
        ),
        ("in: login", "in: logn", "mine.yaml:15:18: 'logn' is no event. Did you mean 'login'?"),
        ("unix_ms", "unix_mss", "mine.yaml:17:28: 'unix_mss' is no time. Did you mean 'unix_ms'?"),
        ("  time: when\n", "", "'fields' lacks 'time'"),
        ("  user.id: [uid, who]\n", "", "'fields' lacks 'user.id'"),
        ("name: mine", "name: mi ne", "mine.yaml:1:7: a name has letters"),
        ("name: mine\n", "", "'name' is missing"),
        ("time: when", "time: when\n  time: then", "mine.yaml:"),
        ("delimiter: ;", "delimiter: ab", "mine.yaml:4:12: a delimiter is one byte"),
        (
            "{constant: success}", "{constants: success}",
            "mine.yaml:16:13: unknown key 'constants' in outcome. Did you mean 'constant'?"
        ),
        ("{field: kind, in: [in, out]}", "{in: [in]}", "needs 'field'"),
        ("decoder: csv", "decoder: csv\nheaders: [a]", "'headers' is for 'decoder: text' only"),
        ("decoder: csv", "decoder: text", "needs 'headers' or 'journal'"),
        ("decoder: csv", "decoder: text\nheaders: ['(?P<when>\\d+']", "is not RE2"),
        (
            "decoder: csv", "decoder: text\nheaders: ['(?P<whem>\\d+) (?P<uid>\\S+)']",
            "no pattern has a group 'when'. Did you mean 'whem'?"
        ),
        ("decoder: csv", "decoder: json\nenvelope: [[a]]", "an entry of envelope is one text"),
        ("ip: from", "ip: {values: {a: b}}", "only event, outcome and auth.method have 'values'"),
        ("name: mine", "name: [", "it is not YAML"),
        ("name: mine", "- a\n", "it is not YAML"),
    ]

    @Test("a wrong format is refused with file, line and the nearest right word", arguments: wrong)
    func refused(part: String, change: String, message: String) throws {
        let scratch = Scratch()
        let text = FormatFileTests.mine.replacing(part, with: change, maxReplacements: 1)
        #expect(text != FormatFileTests.mine)
        do {
            _ = try Format.load(path: scratch.write("mine.yaml", text))
            Issue.record("it was taken: \(text)")
        } catch {
            #expect(error.exitCode == 78)
            #expect(error.description.contains(message), "\(error)")
            #expect(error.description.hasPrefix(scratch.file("mine.yaml")))
        }
    }

    @Test(
        "a bad path is refused",
        arguments: ["", ".", "a..b", "a.", "[0]", "a[", "a[x]", "a[0]b", "a[=x]"])
    func badPath(path: String) throws { #expect(JSONPath(path) == nil) }

    @Test("paths")
    func paths() throws {
        #expect(JSONPath("a.b")?.steps == [.member("a"), .member("b")])
        #expect(
            JSONPath(#"a\.b[0][*].c"#)?.steps == [.member("a.b"), .element(0), .any, .member("c")])
        #expect(
            JSONPath("P[Name=User Agent].Value")?.steps == [
                .member("P"), .select(key: "Name", value: "User Agent"), .member("Value"),
            ])
    }

    /// A path, a document, and what is found there.
    static let found: [(String, String, String)] = [
        ("a", #"{"a":"x"}"#, "x"),
        ("a[0]", #"{"a":["x","y"]}"#, "x"),
        ("a[1]", #"{"a":["x","y"]}"#, "y"),
        ("a[2]", #"{"a":["x","y"]}"#, ""),
        ("a[*]", #"{"a":["x","y"]}"#, "x"),
        ("a[*].b", #"{"a":[{"c":1},{"b":"x"},{"b":"y"}]}"#, "x"),
        ("a[n=2].v", #"{"a":[{"n":"1","v":"x"},{"v":"y","n":"2"},{"n":"2","v":"z"}]}"#, "y"),
        ("a[n=2].v", #"{"a":[1,"2",{},[{"n":"2","v":"x"}],{"n":2,"v":"x"}]}"#, ""),
        ("a[n=2].v.w", #"{"a":[{"v":{"w":"x"},"n":"2"}]}"#, "x"),
        (#"a\.b"#, #"{"a":{"b":"x"},"a.b":"y"}"#, "y"),
        ("averyveryverylongkey", #"{"averyveryverylongkez":"x","averyveryverylongkey":"y"}"#, "y"),
        ("é", #"{"\u00e9":"x"}"#, "x"),
    ]

    @Test("paths find their values", arguments: found)
    func find(path: String, document: String, value: String) throws {
        let scratch = Scratch()
        let yaml =
            "name: t\ndecoder: json\nfields: {time: t, user.id: u, ip: i, application: '\(path)'}\n"
        let format = try Format.load(path: scratch.write("t.yaml", yaml))
        let line = document.dropLast() + #","t":"2026-03-01T00:00:00Z","u":"u","i":"1.2.3.4"}"#
        let decoded = try readAll(
            scratch.write("a", String(line)), format: .fixed(format), withPlaces: false)
        #expect(decoded.rejects == [])
        let expected = value.isEmpty ? "" : " application=\(value)"
        #expect(
            decoded.records == [
                "time=2026-03-01T00:00:00.000Z user.id=u ip=1.2.3.4\(expected) event=activity outcome=unknown"
            ])
    }

    /// How a time is written, and what it is in ms; nil for none.
    static let times: [(TimeFormat, String, Int64?)] = [
        (.unixSeconds, "1700000000", 1_700_000_000_000),
        (.unixSeconds, "1700000000.1239", 1_700_000_000_123),
        (.unixSeconds, "1700000000.", nil),
        (.unixSeconds, "-1", nil),
        (.unixSeconds, "99999999999999999999", nil),
        (.unixMilliseconds, "1700000000123", 1_700_000_000_123),
        (.unixMicroseconds, "1700000000123999", 1_700_000_000_123),
        (.unixNanoseconds, "1700000000123999999", 1_700_000_000_123),
        (.unixNanoseconds, "9999999999999999999", nil),
        (.monthDayYear, "11/14/2023 10:13:20 PM", 1_700_000_000_000),
        (.monthDayYear, "11/14/2023 0:13:20 PM", nil),
        (.monthDayYear, "2/29/2023 1:00:00 AM", nil),
        (.monthDayYear, "2/29/2024 12:00:00 am", 1_709_164_800_000),
        (.monthDayYear, "13/1/2023 1:00:00 AM", nil),
        (.syslog, "Nov 14 22:13:20", 1_699_999_999_999 / 1000 * 1000 + 1000),
        (.syslog, "Nov  1 00:00:00", 1_698_796_800_000),
        (.syslog, "Feb 29 00:00:00", nil),
        (.syslog, "Nov 31 00:00:00", nil),
        (.syslog, "Nov 14 24:00:00", nil),
        (.rfc3339, "2023-11-14 22:13:20.000", 1_700_000_000_000),
    ]

    @Test("times", arguments: times)
    func time(format: TimeFormat, text: String, milliseconds: Int64?) {
        var text = text
        let read = text.withUTF8 { bytes in
            TimeReader([format], zoneOffsetMinutes: 0).read(TextView(bytes), year: 2023)
        }
        #expect(read?.milliseconds == milliseconds)
    }

    @Test("a time without a zone is in the given one, another is not")
    func zones() {
        func read(_ text: String) -> String? {
            var text = text
            return text.withUTF8 {
                TimeReader([.rfc3339], zoneOffsetMinutes: 90).read(TextView($0), year: 0)?.rfc3339
            }
        }
        #expect(read("2026-03-01 00:00:00.5") == "2026-02-28T22:30:00.500Z")
        #expect(read("2026-03-01T00:00:00Z") == "2026-03-01T00:00:00.000Z")
        #expect(read("2026-03-01T00:00:00+01:00") == "2026-02-28T23:00:00.000Z")
    }

    @Test("a trial shows each line's fields or what is wrong with it")
    func trial() throws {
        let scratch = Scratch()
        let path = scratch.write("a", "\(native(1))\n\nbad\n\(native(3))\n\(native(4))\n")
        let trial = try FormatTrial.run(
            input: .file(path: path), format: .auto(), count: 3, options: testOptions)
        #expect(trial.lines.map(\.line) == [1, 3, 4])
        #expect(trial.lines[1].outcome == .refused(reason: "not JSON at byte 1."))
        guard case .record(let values) = trial.lines[0].outcome else {
            Issue.record("the first line is a record")
            return
        }
        #expect(values.first == FormatTrial.Value(field: .time, text: "2026-03-01T08:15:30.120Z"))
        #expect(trial.notes.count == 1)
    }
}
