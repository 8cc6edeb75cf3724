import Foundation
import Intake
import SessionModel
import Testing

@testable import Enrichment
@testable import Evaluation

struct WorldTests {
    /// Enough people for every kind of attack.
    static let large = Result { try Written(users: 400, days: 16, seed: 11, attacks: 400) }

    @Test("the same seed gives the same bytes, another gives others")
    func deterministic() throws {
        let first = try Written(users: 40)
        let again = try Written(users: 40)
        #expect(first.records == again.records)
        #expect(first.truth == again.truth)
        #expect(first.networks == again.networks)
        #expect(try Written(users: 40, seed: 6).records != first.records)
    }

    @Test("every kind of attack is there, and what it did is labelled")
    func everyKind() throws {
        let world = try Self.large.get()
        let lines = try world.lines()
        let byID = Dictionary(uniqueKeysWithValues: lines.map { ($0.id, $0) })
        let attacks = try world.labels().filter { $0.label == "attack" }
        #expect(
            Set(attacks.compactMap { $0.takeover == true ? $0.kind : nil })
                == Set(AttackKind.allCases.map(\.rawValue)))
        #expect(attacks.contains { $0.takeover == false }, "some get nowhere")
        #expect(attacks.count == world.size.attackRecords)
        for label in attacks {
            let line = try #require(byID[label.record ?? ""])
            #expect(line.user.id == label.user)
            #expect(line.time == label.time)
            if label.takeover == true { #expect(label.session?.count == 16) }
        }
        // A session to end is one that the intruder was in.
        let used = Set(
            attacks.compactMap { label in
                byID[label.record ?? ""]?.session.map { "\(label.user ?? "") \($0.id)" }
            })
        for label in attacks where label.takeover == true {
            #expect(used.contains("\(label.user ?? "") \(label.session ?? "")"))
        }
    }

    @Test("records are sound native records in time order")
    func sound() throws {
        let world = try Self.large.get()
        let folder = try Folder()
        let path = try folder.write("r.ndjson", String(decoding: world.records, as: UTF8.self))
        let options = IntakeOptions(now: Timestamp(year: 2026, month: 11, day: 1))
        let reader = try SourceReader(
            input: .file(path: path), format: .auto(), options: options, resumeCandidates: [])
        #expect(reader.format.name == "native")
        let decoder = try RecordDecoder(format: reader.format, options: options)
        var out = DecodedRecords()
        var (count, last) = (0, Timestamp.distantPast)
        while let chunk = try reader.nextChunk() {
            for slice in chunk.slices(1) {
                out.removeAll()
                decoder.reset()
                decoder.decode(slice, into: &out)
                #expect(out.rejects.isEmpty)
                for record in out.records.records {
                    #expect(record.time >= last)
                    last = record.time
                    count += 1
                    #expect(!record.address.isNone && record.outcome != .unknown)
                }
            }
        }
        #expect(count == world.size.records)
    }

    @Test("nothing but what it does tells an attack's record from another")
    func noArtefacts() throws {
        let world = try Self.large.get()
        let lines = try world.lines()
        let attacks = Set(
            try world.labels().compactMap { $0.label == "attack" ? $0.record : nil })
        func shape(_ text: String) -> String {
            String(text.map { $0.isHexDigit ? "x" : $0 })
        }
        func browser(_ agent: String) -> String { agent.filter { !$0.isNumber } }
        for (name, value) in [
            ("record id", { (line: Written.Line) in shape(line.id) }),
            ("session id", { shape($0.session?.id ?? "") }),
            ("device id", { shape($0.device?.id ?? "") }),
            ("user agent", { browser($0.user_agent) }),
            ("outcome", { "\($0.event) \($0.outcome) \($0.session == nil)" }),
        ] as [(String, (Written.Line) -> String)] {
            let benign = Set(lines.filter { !attacks.contains($0.id) }.map(value))
            let strange = Set(lines.filter { attacks.contains($0.id) }.map(value))
            let odd = strange.subtracting(benign)
            #expect(odd.isEmpty, "\(name)")
        }
    }

    @Test("benign life has all that is hard on a detector")
    func scenarios() throws {
        let labels = try Self.large.get().labels()
        let people = Set(labels.compactMap { $0.record == nil ? $0.scenario : nil })
        #expect(people == Set(Persona.allCases.map(\.rawValue)))
        let records = Set(labels.compactMap { $0.label == "benign" ? $0.scenario : nil })
        for scenario in [
            "long-haul-trip", "short-trip", "lost-cookie", "second-browser", "new-phone-at-home",
            "mistyped-password", "mfa-denied", "own-password-change", "own-recovery",
            "own-mfa-change",
        ] {
            #expect(records.contains(scenario), "\(scenario)")
        }
        let lines = try Self.large.get().lines()
        #expect(Set(lines.map(\.event)).isSuperset(of: ["login", "activity", "logout", "mfa"]))
    }

    @Test("the list of networks is one that can be read, of all kinds")
    func networks() throws {
        let text = try Self.large.get().networks
        let lists = try NetworkLists(text: text)
        #expect(lists.count > 100)
        for kind in ["corporate", "vpn", "relay", "hosting", "tor", "proxy", "mobile", "satellite"]
        {
            let isThere = text.contains("/24 \(kind) ")
            #expect(isThere, "\(kind)")
        }
    }

    @Test("sessions are continuous: nothing happens in one before its login")
    func sessions() throws {
        let world = try Self.large.get()
        let attacks = Set(
            try world.labels().compactMap { $0.label == "attack" ? $0.record : nil })
        var open: Set<String> = []
        var ended: Set<String> = []
        for line in try world.lines() {
            guard let session = line.session?.id else { continue }
            if line.event == "login" {
                let isNew = open.insert(session).inserted
                #expect(isNew)
            }
            let isOpen = open.contains(session)
            #expect(isOpen, "\(line)")
            if line.event == "logout" { ended.insert(session) }
            // Only an intruder uses what the owner has logged out of.
            if line.event == "activity", !attacks.contains(line.id) {
                let isOver = ended.contains(session)
                #expect(!isOver, "\(line)")
            }
        }
    }

    @Test("a world without intruders has no attacks")
    func peaceful() throws {
        let world = try Written(users: 30, days: 4, attacks: 0)
        #expect(world.size.attackRecords == 0 && world.size.takeovers == 0)
        #expect(world.size.records > 100)
    }

    @Test("no database, no world")
    func noPlaces() {
        let none = GeoDatabases([])
        #expect(throws: EvaluationError.noPlaces(found: 0)) {
            _ = try World(World.Options(users: 3, days: 3), databases: none)
        }
    }
}
