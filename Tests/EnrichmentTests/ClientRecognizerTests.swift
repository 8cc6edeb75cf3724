import Enrichment
import SessionModel
import Testing

@Suite(.enabled(if: Clients.isInstalled, "install the package uap-core to run these"))
struct ClientRecognizerTests {
    @Test("labels, forms and keys stay what they are", arguments: Clients.golden)
    func golden(_ one: Clients.Golden) throws {
        let got = try Clients.facts(one.userAgent)
        #expect(got.label == one.label)
        #expect(got.form == one.form)
        // A key that changes here alarms every user: raise `schemeVersion` and say so.
        #expect(got.key == one.key)
        #expect(ClientRecognizer.schemeVersion == 1)
    }

    @Test("an update of browser or system is the same client", arguments: Clients.updates)
    func updates(_ versions: [String]) throws {
        let facts = try versions.map(Clients.facts)
        for (other, text) in zip(facts, versions) {
            #expect(other.key == facts[0].key, "\(text): \(other.label)")
            #expect(other.label == facts[0].label, "\(text)")
            #expect(other.form == facts[0].form, "\(text)")
        }
    }

    @Test("another browser, system or form is another client")
    func differences() throws {
        var seen: [UInt64: String] = [:]
        for versions in Clients.updates {
            let facts = try Clients.facts(versions[0])
            #expect(seen[facts.key] == nil, "\(versions[0]) is taken for \(seen[facts.key] ?? "")")
            seen[facts.key] = versions[0]
        }
    }

    @Test(
        "nothing, and words for nothing, have no key",
        arguments: [
            "", " ", "-", "null", "(null)", "None", "undefined", "N/A", "unknown", "Not Available",
        ])
    func nothing(text: String) throws {
        let facts = try Clients.facts(text)
        #expect(facts.key == 0)
        #expect(facts.label == "")
        #expect(facts.form == .unknown)
    }

    @Test(
        "any other text has a key and a label that can be shown",
        arguments: [
            ("x", "x"), ("?", "?"), ("12", "12"), ("/", "Unknown client"),
            ("\u{202E}evil\u{202C}/1.0", "evil"), ("a\u{0}b\u{7}c\u{1B}[31m/2", "a b c"),
            ("\u{200B}\u{FEFF}", "Unknown client"), ("zero\u{200D}width/3", "zerowidth"),
            ("My%20App%0A%1B%5B31m/1", "My App [31m"), ("%E5%BE%AE%E4%BF%A1/8", "微信"),
            (String(repeating: "é", count: 90), String(repeating: "é", count: 20)),
            ("<script>alert(1)</script>", "script"),
        ])
    func hostile(text: String, label: String) throws {
        let facts = try Clients.facts(text)
        #expect(facts.key != 0)
        #expect(facts.label == label)
        #expect(facts.label.utf8.count <= 64)
    }

    @Test("random texts always get a key, and a label of at most 64 bytes without controls")
    func random() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix(state: seed)
        let recognizer = ClientRecognizer(parser: try Clients.parser.get())
        let tokens = Clients.golden.flatMap { $0.userAgent.split(separator: " ").map(Array.init) }
        for _ in 0..<300 {
            var bytes: [UInt8] = []
            let length = Int(random.next() % 2200)
            while bytes.count < length {
                if random.next() % 3 == 0 {
                    bytes.append(UInt8(truncatingIfNeeded: random.next()))
                } else {
                    let token = tokens[Int(random.next() % UInt64(tokens.count))]
                    bytes.append(contentsOf: String(token).utf8)
                    bytes.append(0x20)
                }
            }
            let facts = bytes.withUnsafeBufferPointer {
                recognizer.facts(userAgent: TextView($0))
            }
            guard bytes.contains(where: { $0 > 0x20 }) else { continue }
            #expect(facts.key != 0, "seed \(seed)")
            #expect((1...64).contains(facts.label.count), "seed \(seed)")
            #expect(facts.label.bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "seed \(seed)")
            #expect(Array(facts.label.string.utf8) == Array(facts.label.bytes), "seed \(seed)")
        }
    }

    @Test("what stands after 1024 bytes does not matter, and after 2048 is not kept")
    func cut() throws {
        let head = "MyApp/1 " + String(repeating: "x", count: 1016)
        #expect(head.utf8.count == 1024)
        let key = try Clients.facts(head).key
        #expect(try Clients.facts(head + " Windows NT 10.0").key == key)
        #expect(try Clients.facts("MyApp/1 Windows NT 10.0" + head).key != key)
        let recognizer = ClientRecognizer(parser: try Clients.parser.get())
        for tail in ["", "a", "b"] {
            var text = String(repeating: "y", count: 2048) + tail
            #expect(text.withUTF8 { recognizer.facts(userAgent: TextView($0)).key } != 0)
        }
        #expect(recognizer.rememberedCount == 1)
    }

    @Test("the answer is the same from an empty and a full cache, in any order, on any thread")
    func sameAnswer() async throws {
        let parser = try Clients.parser.get()
        let texts = Clients.golden.map(\.userAgent) + Clients.updates.flatMap { $0 }
        let answers = await withTaskGroup(of: [String: UInt64].self) { group in
            for turn in 0..<6 {
                group.addTask {
                    let recognizer = ClientRecognizer(parser: parser, memoryLimit: 2000)
                    var answers: [String: UInt64] = [:]
                    for text in turn % 2 == 0 ? texts : texts.reversed() {
                        if turn > 2 { recognizer.beginChunk() }
                        var copy = text
                        let key = copy.withUTF8 { recognizer.facts(userAgent: TextView($0)).key }
                        if let before = answers[text] { #expect(before == key) }
                        answers[text] = key
                    }
                    return answers
                }
            }
            var all: [[String: UInt64]] = []
            for await one in group { all.append(one) }
            return all
        }
        for other in answers { #expect(other == answers[0]) }
    }

    @Test("labels stay where they are until the next chunk")
    func labelsStay() throws {
        let recognizer = ClientRecognizer(parser: try Clients.parser.get(), memoryLimit: 1)
        var kept: [(ClientFacts, String)] = []
        for number in 0..<3000 {
            var text = "Tool\(number % 7)x\(number) of Windows NT 10.0"
            let facts = text.withUTF8 { recognizer.facts(userAgent: TextView($0)) }
            kept.append((facts, facts.label.string))
        }
        for (facts, label) in kept { #expect(facts.label.string == label) }
        #expect(recognizer.rememberedCount == 3000)
    }

    @Test("a flood of one-off user agents is forgotten, and those in use are not")
    func flood() throws {
        let limit = 100_000
        let recognizer = ClientRecognizer(parser: try Clients.parser.get(), memoryLimit: limit)
        let usual = Clients.golden.prefix(10).map(\.userAgent)
        func see(_ text: String) -> UInt64 {
            var text = text
            return text.withUTF8 { recognizer.facts(userAgent: TextView($0)).key }
        }
        let keys = usual.map(see)
        for chunk in 0..<20 {
            recognizer.beginChunk()
            #expect(recognizer.rememberedCount <= limit / 100)
            for number in 0..<400 { _ = see("Flood \(chunk)/\(number)") }
            #expect(usual.map(see) == keys)
        }
        #expect(recognizer.parsedCount == 10 + 20 * 400)
    }
}

/// User agents and what they are.
enum Clients {
    static let parser = Result { try UserAgentParser.usual() }
    static let isInstalled = (try? parser.get()) != nil

    static func facts(
        _ text: String
    ) throws -> (key: UInt64, label: String, form: FormFactor) {
        let recognizer = ClientRecognizer(parser: try parser.get())
        var text = text
        return text.withUTF8 {
            let facts = recognizer.facts(userAgent: TextView($0))
            return (facts.key, facts.label.string, facts.form)
        }
    }

    struct Golden: CustomTestStringConvertible, Sendable {
        var userAgent: String
        var label: String
        var form: FormFactor
        var key: UInt64
        var testDescription: String { userAgent }

        init(_ label: String, _ form: FormFactor, _ key: UInt64, _ userAgent: String) {
            (self.userAgent, self.label, self.form, self.key) = (userAgent, label, form, key)
        }
    }
}
