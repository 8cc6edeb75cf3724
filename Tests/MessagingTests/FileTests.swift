import Foundation
import Settings
import Testing

@testable import Messaging

struct FileTests {
    // MARK: - Phrases

    @Test("the program's own phrases and translations lack nothing")
    func shipped() throws {
        let book = try PhraseBook.shipped()
        #expect(book.languages == ["de", "en"])
        #expect(book.warnings == [])
    }

    @Test("every rule has words for its owner and for a team, in every language")
    func rules() throws {
        let folder = House.root + "/rules"
        for family in try FileManager.default.contentsOfDirectory(atPath: folder) {
            for name in try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(family)")
            where name.hasSuffix(".yaml") {
                let rule = String(name.dropLast(5))
                for language in ["en", "de"] {
                    let phrases = try PhraseBook.shipped().phrases(language)
                    #expect(phrases.has("seen.\(rule)") && phrases.has("rule.\(rule)"), "\(rule)")
                }
            }
        }
    }

    @Test("a folder of the user's goes before, and says what it lacks")
    func overrides() throws {
        let folder = try Folder()
        try folder.write(
            "language: fr\nphrases:\n  owner.question: \"C'était vous ?\"\n  owner.qestion: x\n"
                + "  owner.reference: \"Dossier {{alrt}}\"\n  seen.our-own-rule: \"À nous.\"\n",
            to: "fr.yaml")
        try folder.write("Hi {{place}} {{question}}\n", to: "owner.txt.mustache")
        let book = try PhraseBook.load(folder: House.phrases, overrides: folder.path)
        #expect(book.phrases("fr").text("owner.question") == "C'était vous ?")
        #expect(book.phrases("fr-CA").text("owner.greeting") == "Hello,", "said in English")
        #expect(book.phrases("fr").seen(rule: "our-own-rule") == "À nous.")
        let warnings = book.warnings.map(\.message)
        #expect(
            warnings.contains {
                $0.contains("'owner.qestion' is no key") && $0.contains("owner.question")
            })
        #expect(warnings.contains { $0.contains("{{alrt}}") })
        #expect(warnings.contains { $0.contains("'owner.greeting' is missing") })
        #expect(warnings.contains { $0.contains("'{{place}}' is filled by nothing") })
    }

    @Test("a broken template or text stops it")
    func broken() throws {
        let folder = try Folder()
        try folder.write("{{#open}}\n", to: "owner.html.mustache")
        #expect(throws: MessagingError.self) {
            try PhraseBook.load(folder: House.phrases, overrides: folder.path)
        }
        let other = try Folder()
        try other.write("language: xx\nphrases:\n  owner.greeting: \"{{#x}}\"\n", to: "xx.yaml")
        #expect(throws: SettingsError.self) {
            try PhraseBook.load(folder: House.phrases, overrides: other.path)
        }
    }

    // MARK: - Channels

    private func problems(_ text: String, files: [String: String] = [:]) throws -> String {
        let folder = try Folder()
        for (name, text) in files { try folder.write(text, to: name) }
        let path = try folder.write(text, to: "channels.yaml")
        do {
            _ = try ChannelFile.load(path: path, families: ["travel": ["impossible-travel"]])
            return ""
        } catch {
            return error.description
        }
    }

    static let hook = "    url: {file: url}\n"
    static let mistakes: [(text: String, word: String)] = [
        ("", "empty"),
        ("channels: []\nchanels: []", "Did you mean 'channels'?"),
        ("channels:\n  - name: a\n", "no 'kind'"),
        ("channels:\n  - name: a\n    kind: slak\n" + hook, "Did you mean 'slack'?"),
        ("channels:\n  - name: A!\n    kind: slack\n" + hook, "lower-case"),
        (
            "channels:\n  - name: a\n    kind: slack\n    url: https://hooks.slack.com/x\n",
            "never be it"
        ),
        ("channels:\n  - name: a\n    kind: slack\n    url: {env: NOT_SET_HERE}\n", "not set"),
        (
            "channels:\n  - name: a\n    kind: slack\n    audience: owner\n" + hook,
            "mail or webhook"
        ),
        ("channels:\n  - name: a\n    kind: slack\n    rules: [travl/*]\n" + hook, "travel/*"),
        (
            "channels:\n  - name: a\n    kind: slack\n    quiet: {from: \"25:00\", to: \"07:00\"}\n"
                + hook, "25:00"
        ),
        (
            "channels:\n  - name: a\n    kind: slack\n    quiet: {from: \"22:00\", to: \"22:00\"}\n"
                + hook, "the same"
        ),
        (
            "channels:\n  - name: a\n    kind: slack\n"
                + "    quiet: {from: \"22:00\", to: \"07:00\", zone: Europe/Atlantis}\n" + hook,
            "time zone"
        ),
        ("channels:\n  - name: a\n    kind: slack\n    digest: {}\n" + hook, "needs one of"),
        ("channels:\n  - name: a\n    kind: slack\n    risk: 101\n" + hook, "0 to 100"),
        ("channels:\n  - name: a\n    kind: slack\n    smtp: {}\n" + hook, "Unknown key 'smtp'"),
        (
            "channels:\n  - name: a\n    kind: slack\n\(hook)  - name: a\n    kind: slack\n" + hook,
            "Two channels"
        ),
        ("channels:\n  - name: a\n    kind: mail\n    from: nobody\n", "no mail address"),
        (
            "channels:\n  - name: a\n    kind: mail\n    from: a@b.cd\n    to: [x@y.zz]\n",
            "one of 'smtp' and 'sendmail'"
        ),
        (
            "channels:\n  - name: a\n    kind: mail\n    from: a@b.cd\n    to: [x@y.zz]\n"
                + "    smtp: {host: mail.example.com, encryption: none}\n", "on this machine"
        ),
        (
            "channels:\n  - name: a\n    kind: mail\n    from: a@b.cd\n    to: [x@y.zz]\n"
                + "    smtp: {host: \"x/y\"}\n", "'host'"
        ),
        (
            "channels:\n  - name: a\n    kind: mail\n    from: a@b.cd\n    smtp: {host: x.yz}\n",
            "needs 'to'"
        ),
        (
            "channels:\n  - name: a\n    kind: mail\n    audience: owner\n    from: a@b.cd\n"
                + "    smtp: {host: x.yz}\n", "where they are reached"
        ),
        ("links: {url: \"http://x.yz\", key: {file: url}}\nchannels: []", "https://"),
        ("links: {url: \"https://x.yz\"}\nchannels: []", "no 'key'"),
        ("links: {url: \"https://x.yz\", key: {file: url}}\nchannels: []", "shorter than 32"),
        ("domains: [\"a b\"]\nchannels: []", "domain"),
        ("directory: nowhere.csv\nchannels: []", "cannot be read"),
    ]

    @Test("every mistake is told with its place", arguments: mistakes)
    func mistake(text: String, word: String) throws {
        let told = try problems(text, files: ["url": "https://h.yz/x"])
        #expect(told.contains(word), "\(told)")
        #expect(told.contains("channels.yaml"))
    }

    @Test("the example can be used")
    func example() throws {
        var text = try String(
            contentsOfFile: House.root + "/docs/examples/channels.yaml", encoding: .utf8)
        let folder = try Folder()
        // Its secrets are variables, which a test's process cannot set for itself alone.
        for line in text.split(separator: "\n") {
            guard let start = line.firstRange(of: "{env: ") else { continue }
            let name = line[start.upperBound...].prefix { $0 != "}" }
            try folder.write(
                name == "LASTSEEN_LINK_KEY"
                    ? String(repeating: "k", count: 44) : "https://hooks.example.com/x",
                to: String(name))
            text = text.replacing("{env: \(name)}", with: "{file: \(name)}")
        }
        let path = try folder.write(text, to: "channels.yaml")
        let book = try ChannelFile.load(
            path: path, families: ["travel": ["impossible-travel", "new-country"]])
        #expect(
            book.channels.map(\.name) == [
                "owners", "security", "helpdesk", "lobby", "on-call", "siem",
            ])
        #expect(
            book.channels[2].filter.rules
                == ["impossible-travel", "new-country", "unrecognized-device"])
        #expect(book.channels[3].digest == .daily(minute: 480, zone: Zone("Europe/Berlin")!))
        #expect(book.linkDays == 7)
    }

    // MARK: - The directory

    @Test("people are found by id and name, whatever the order of columns")
    func people() throws {
        let folder = try Folder()
        let path = try folder.write(
            "\u{FEFF}# of HR\nmail,timezone,user,language\r\n\"ann@example.com\",Europe/Berlin,u1,de\r\n"
                + "bob@example.com,,\"Bob, Sr.\",\n", to: "people.csv")
        let people = try PeopleDirectory(path: path)
        #expect(people.count == 2)
        #expect(people.person(id: "U1", name: "")?.zone?.name == "Europe/Berlin")
        #expect(people.person(id: "x", name: "bob, sr.")?.mail.text == "bob@example.com")
        #expect(people.person(id: "x", name: "") == nil)
    }

    static let badPeople = [
        "name,address\na,b\n", "user,mail\nu1,not an address\n", "user,mail\n,ann@example.com\n",
        "user,mail\nu1,\"ann@example.com\n", "user,mail,timezone\nu1,ann@example.com,Berlin\n",
        "user,mail\nu1,ann@example.com\\r\\nBcc: x@y.zz\n",
    ]

    @Test("a line that cannot be used is named", arguments: badPeople)
    func badDirectory(text: String) throws {
        let folder = try Folder()
        let path = try folder.write(text, to: "people.csv")
        #expect(throws: MessagingError.self) { try PeopleDirectory(path: path) }
    }
}
