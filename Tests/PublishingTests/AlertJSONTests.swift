import SessionModel
import Testing

@testable import Publishing

struct AlertJSONTests {
    @Test("one line each, in the documented order, and nothing else is a newline")
    func line() throws {
        var out: [UInt8] = []
        for alert in SampleAlerts.all { AlertJSON.write(alert, into: &out) }
        #expect(out.split(separator: 0x0A).count == SampleAlerts.all.count)
        #expect(out.allSatisfy { $0 == 0x0A || $0 >= 0x20 && $0 != 0x7F })
        let first = try JSONValue(parsing: out.split(separator: 0x0A)[0])
        guard case .object(let members) = first else { throw Missing() }
        #expect(
            members.map(\.key) == [
                "id", "revision", "status", "time", "tenant", "user", "session", "device",
                "place", "network", "risk", "severity", "title", "summary", "findings",
                "recommendations", "actions", "rung", "settled_early",
            ])
    }

    @Test("a whole line is as it was")
    func golden() {
        let alert = Alert(
            id: "a-00000000000000ff", revision: 3, status: .amended,
            time: SampleAlerts.time("2026-03-01T08:15:30.120Z"), tenant: "", userID: "u1",
            userName: "Ann \"A\" Å", sessionID: "s1", otherSessionIDs: ["s2", "s3"], deviceID: "",
            deviceLabel: "Chrome on Windows",
            place: Place(
                city: "Oslo", country: "NO", latitude: 59.91273, longitude: -0.00004,
                radiusKilometers: 20),
            network: Network(address: "81.2.69.142", kind: .residential), risk: 88,
            severity: .high, title: "T", summary: "S", rung: .logOutSession,
            findings: [
                Finding(
                    rule: "impossible-travel", severity: .high, confidence: .certain,
                    time: SampleAlerts.time("2026-03-01T08:15:30.000Z"), records: ["e1"],
                    evidence: [
                        Evidence("distance_km", .number(5421.35)), Evidence("n", .integer(-7)),
                        Evidence("from_lat", .number(59.91273)), Evidence("flag", .flag(true)),
                        Evidence("from_time", .time(Timestamp(milliseconds: 1))),
                        Evidence("speed_kmh", .number(.infinity)),
                    ], silencedBy: "x >= 1", sentence: "Why.")
            ],
            recommendations: [Recommendation(step: 1, text: "Log out", reason: "R")],
            actions: [
                ActionSummary(
                    id: "k1", kind: "log-out-session", target: "session s1", state: "dry-run")
            ])
        let expected =
            #"{"id":"a-00000000000000ff","revision":3,"status":"amended","#
            + #""time":"2026-03-01T08:15:30.120Z","tenant":"","#
            + #""user":{"id":"u1","name":"Ann \"A\" Å"},"session":{"id":"s1","others":["s2","s3"]},"#
            + #""device":{"id":"","label":"Chrome on Windows"},"#
            + #""place":{"city":"Oslo","region":"","country":"NO","latitude":59.9127,"#
            + #""longitude":0.0000,"radius_km":20},"#
            + #""network":{"address":"81.2.69.142","asn":null,"organization":"","#
            + #""kind":"residential"},"risk":88,"severity":"high","title":"T","summary":"S","#
            + #""findings":[{"rule":"impossible-travel","severity":"high","confidence":"certain","#
            + #""time":"2026-03-01T08:15:30.000Z","records":["e1"],"#
            + #""evidence":{"distance_km":5421.4,"n":-7,"from_lat":59.9127,"flag":true,"#
            + #""from_time":"1970-01-01T00:00:00.001Z","speed_kmh":null},"#
            + #""silenced_by":"x >= 1","sentence":"Why."}],"#
            + #""recommendations":[{"step":1,"text":"Log out","reason":"R"}],"#
            + #""actions":[{"id":"k1","kind":"log-out-session","target":"session s1","#
            + #""state":"dry-run"}],"rung":"log-out-session","settled_early":false}"#
        #expect(String(decoding: AlertJSON.bytes(alert), as: UTF8.self) == expected)
    }

    @Test("what was written is read back, and written again the same", arguments: SampleAlerts.all)
    func roundTrip(_ alert: Alert) throws {
        let bytes = AlertJSON.bytes(alert)
        let read = try AlertJSON.read(bytes)
        #expect(AlertJSON.bytes(read) == bytes)
        #expect(read == quantized(alert))
    }

    @Test("random alerts survive the way there and back")
    func randomRoundTrip() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let alert = RandomAlert.make(&random)
            let bytes = AlertJSON.bytes(alert)
            let read = try AlertJSON.read(bytes)
            #expect(read == alert, "seed \(seed)")
            #expect(AlertJSON.bytes(read) == bytes, "seed \(seed)")
        }
    }

    @Test(
        "evidence keeps its kind",
        arguments: [
            Evidence("x", .number(42)), Evidence("x", .integer(42)), Evidence("x", .number(-0.5)),
            Evidence("x", .integer(Int.min)), Evidence("x", .integer(Int.max)),
            Evidence("x", .text("2026-03-01T08:15:30.120Z")),
            Evidence("x", .time(SampleAlerts.time("2026-03-01T08:15:30.120Z"))),
            Evidence("x", .text("2026-03-01T08:15:30Z")), Evidence("x", .text("")),
            Evidence("x", .text("42")), Evidence("x", .flag(false)),
            Evidence("to_lat", .number(-33.8688)), Evidence("x", .number(1e20)),
        ])
    func evidenceKinds(_ evidence: Evidence) throws {
        var alert = SampleAlerts.all[0]
        alert.findings[0].evidence = [evidence]
        #expect(try AlertJSON.read(AlertJSON.bytes(alert)).findings[0].evidence == [evidence])
    }

    @Test("every scalar is escaped so that it is read back, and none steers a terminal")
    func everyScalar() throws {
        var text = ""
        for value in UInt32(0)...0x30FF {
            if let scalar = Unicode.Scalar(value) { text.unicodeScalars.append(scalar) }
        }
        text += "😀\u{10FFFF}"
        var out: [UInt8] = []
        out.append(jsonString: text)
        #expect(try JSONValue(parsing: out) == .text(text, isMarked: false))
        let written = String(decoding: out, as: UTF8.self)
        let steering: [ClosedRange<UInt32>] = [
            0...0x1F, 0x7F...0x9F, 0x61C...0x61C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069,
        ]
        for scalar in written.unicodeScalars {
            #expect(!steering.contains { $0.contains(scalar.value) }, "\(scalar.value)")
        }
    }

    static let numbers: [(Double, Int, String)] = [
        (0, 1, "0.0"), (-0.04, 1, "0.0"), (-0.05, 1, "-0.1"), (0.25, 1, "0.3"), (0.24, 1, "0.2"),
        (999.95, 1, "1000.0"), (5421, 1, "5421.0"), (59.91274, 4, "59.9127"),
        (59.91275, 4, "59.9128"), (-179.99996, 4, "-180.0000"),
        (99_999_999_999.9, 1, "99999999999.9"),
        (1e11, 1, "100000000000.0"), (1e300, 1, "1e+300"), (.nan, 1, "null"),
        (-.infinity, 1, "null"),
    ]

    @Test("numbers have a fixed form", arguments: numbers)
    func number(value: Double, decimals: Int, expected: String) {
        var out: [UInt8] = []
        out.append(jsonNumber: value, decimals: decimals)
        #expect(String(decoding: out, as: UTF8.self) == expected)
    }

    static let broken: [(String, String)] = [
        ("", "not a JSON value"), ("{", "a key was expected"), ("[1,]", "not a JSON value"),
        ("{\"a\":1,\"a\":2}", "a key twice"), ("01", "zero in front"), ("1.", "after the point"),
        ("1e", "exponent"), ("\"\\x\"", "unknown escape"), ("\"\\ud800\"", "half a surrogate"),
        ("\"\\udc00\"", "half a surrogate"), ("\"a", "does not end"), ("\"a\nb\"", "control"),
        ("nul", "not a JSON value"), ("1 2", "text after"), ("1e999", "too large"),
        (String(repeating: "[", count: 33), "nested deeper"), ("{\"a\" 1}", "':' was expected"),
    ]

    @Test("text that is not JSON is refused, and never a crash", arguments: broken)
    func malformed(text: String, problem: String) {
        let error = #expect(throws: AlertJSONError.self) { try AlertJSON.read(text.utf8) }
        #expect(error?.description.contains(problem) == true, "\(String(describing: error))")
    }

    @Test("nesting to the limit is read")
    func nesting() throws {
        let text = String(repeating: "[", count: 31) + "1" + String(repeating: "]", count: 31)
        _ = try JSONValue(parsing: text.utf8)
    }

    static let mismatches: [(String, String, String)] = [
        ("\"revision\":1", "\"revision\":\"1\"", "revision"),
        ("\"status\":\"open\"", "\"status\":\"shut\"", "status"),
        ("\"user\":{\"id\":\"ann\",", "\"user\":{", "user.id"),
        ("\"confidence\":\"certain\"", "\"confidence\":\"sure\"", "findings[0].confidence"),
        ("\"radius_km\":20", "\"radius_km\":2.5", "place.radius_km"),
        ("\"asn\":29465", "\"asn\":4294967296", "network.asn"),
        ("\"to_time\":", "\"odd\":[],\"to_time\":", "findings[0].evidence.odd"),
        ("\"settled_early\":false", "\"settled_early\":0", "settled_early"),
    ]

    @Test("JSON that is no alert names the place", arguments: mismatches)
    func mismatch(find: String, replace: String, path: String) {
        let line = String(decoding: AlertJSON.bytes(SampleAlerts.all[0]), as: UTF8.self)
        #expect(line.contains(find))
        let edited = line.replacing(find, with: replace, maxReplacements: 1)
        let error = #expect(throws: AlertJSONError.self) { try AlertJSON.read(edited.utf8) }
        guard case .mismatch(path, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("a key of a later version is passed over")
    func unknownKey() throws {
        let line = String(decoding: AlertJSON.bytes(SampleAlerts.all[6]), as: UTF8.self)
        let newer = "{\"new\":{\"a\":[1,null]}," + line.dropFirst()
        #expect(try AlertJSON.read(newer.utf8) == AlertJSON.read(line.utf8))
    }

    /// As the format rounds: one decimal, coordinates four.
    private func quantized(_ alert: Alert) -> Alert {
        var alert = alert
        for f in alert.findings.indices {
            alert.findings[f].evidence = alert.findings[f].evidence.map {
                guard case .number(let value) = $0.value else { return $0 }
                let scale = $0.isCoordinate ? 10_000.0 : 10
                return Evidence($0.name, .number((value * scale).rounded() / scale))
            }
        }
        return alert
    }
}

struct Missing: Error {}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}

/// Alerts of random shape with texts of every kind of character.
enum RandomAlert {
    static func text(_ random: inout SeededGenerator) -> String {
        let pieces = [
            "a", "Å", "日", "😀", "\"", "\\", "/", "\n", "\r", "\t", "\u{0}", "\u{1b}", "\u{7f}",
            "\u{85}", "\u{2028}", "\u{2029}", "\u{202e}", "\u{61c}", "e\u{301}", "<", "&", "'", " ",
            "2026-03-01T08:15:30.120Z", "\\u0041", "null", "\u{FEFF}", "\u{FFFD}", "\u{10FFFF}",
        ]
        return (0..<Int.random(in: 0...6, using: &random))
            .map { _ in pieces.randomElement(using: &random)! }.joined()
    }

    static func list<T>(
        _ random: inout SeededGenerator, _ most: Int, _ make: (inout SeededGenerator) -> T
    ) -> [T] {
        (0..<Int.random(in: 0...most, using: &random)).map { _ in make(&random) }
    }

    static func time(_ random: inout SeededGenerator) -> Timestamp {
        Timestamp(
            milliseconds: Int64.random(in: 946_684_800_000...4_102_444_800_000, using: &random))
    }

    static func tenths(_ random: inout SeededGenerator) -> Double {
        Double(Int.random(in: -1_000_000...1_000_000, using: &random)) / 10
    }

    static func make(_ random: inout SeededGenerator) -> Alert {
        Alert(
            id: text(&random), revision: Int.random(in: 1...99, using: &random),
            status: Alert.Status.allCases.randomElement(using: &random)!, time: time(&random),
            tenant: text(&random), userID: text(&random), userName: text(&random),
            sessionID: text(&random), otherSessionIDs: list(&random, 8, text),
            deviceID: text(&random), deviceLabel: text(&random),
            place: Place(
                city: text(&random), region: text(&random), country: text(&random),
                latitude: Bool.random(using: &random)
                    ? Double(Int.random(in: -900_000...900_000, using: &random)) / 10_000 : nil,
                longitude: Bool.random(using: &random)
                    ? Double(Int.random(in: -1_800_000...1_800_000, using: &random)) / 10_000 : nil,
                radiusKilometers: Bool.random(using: &random) ? 20 : nil),
            network: Network(
                address: text(&random), asn: UInt32.random(in: 0...UInt32.max, using: &random),
                organization: text(&random),
                kind: NetworkKind.allCases.randomElement(using: &random)!),
            risk: Int.random(in: 0...100, using: &random),
            severity: Severity.allCases.randomElement(using: &random)!, title: text(&random),
            summary: text(&random), rung: Rung.allCases.randomElement(using: &random)!,
            isSettledEarly: Bool.random(using: &random),
            findings: list(&random, 3) { random in
                var number = 0
                return Finding(
                    rule: text(&random),
                    severity: Severity.allCases.randomElement(using: &random)!,
                    confidence: Confidence.allCases.randomElement(using: &random)!,
                    time: time(&random), records: list(&random, 3, text),
                    evidence: list(&random, 6) { random in
                        number += 1
                        let values: [Evidence.Value] = [
                            .number(tenths(&random)),
                            .integer(Int(truncatingIfNeeded: random.next())),
                            .text(text(&random)), .time(time(&random)),
                            .flag(Bool.random(using: &random)),
                        ]
                        return Evidence(
                            "\(text(&random))\(number)", values.randomElement(using: &random)!)
                    }, silencedBy: text(&random), sentence: text(&random))
            },
            recommendations: list(&random, 3) {
                Recommendation(step: 1, text: text(&$0), reason: text(&$0))
            },
            actions: list(&random, 2) {
                ActionSummary(
                    id: text(&$0), kind: text(&$0), target: text(&$0), state: text(&$0))
            })
    }
}
