import ArgumentParser
import Enrichment
import Publishing
import SessionModel

struct Geo: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the GeoIP databases in use and what they say of an address.",
        discussion: """
            Databases are those of --geo, else those of the usual folders, else the reduced one that \
            comes with Lastseen. Of each kind the newest is asked.

              lastseen geo info
              lastseen geo lookup 81.2.69.142 2001:db8::1
            """,
        subcommands: [Info.self, Lookup.self, Reduce.self])

    struct Info: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show which databases are used, how old they are, and their licences.",
            discussion: """
                Looked for in: \(GeoDatabases.searchFolders.joined(separator: ", ")).

                Exit statuses: 0, 78 a database is wrong.
                """)

        @OptionGroup var geo: GeoOptions

        func run() throws {
            let databases = try geo.open()
            let now = wallTime()
            var text = ""
            for info in databases.info {
                let bundled = info.isBundled ? ", bundled" : ""
                let unused = info.isUsed ? "" : "  (not used: \(info.reason))"
                text += "\(SafeText.visible(info.path))\(unused)\n"
                let age = info.ageInDays(at: now).map { ", \(counted($0, "day")) old" } ?? ""
                let made = info.buildTime.map { "made \($0.humanReadable.prefix(10))" } ?? "no date"
                text +=
                    "    \(SafeText.visible(info.type)): \(info.kind.rawValue)\(bundled), "
                    + "IPv\(info.ipVersion == 6 ? "4 and IPv6" : "4"), "
                    + "\(info.nodeCount) nodes, \(sizeText(info.bytes)), \(made)\(age)\n"
                if !info.description.isEmpty {
                    text += wrapped(SafeText.visible(info.description), indent: 4)
                }
                if info.isUsed, let advice = info.advice(at: now) {
                    text += wrapped(advice, indent: 4)
                }
                if !info.attribution.isEmpty { text += "    \(info.attribution)\n" }
            }
            if !databases.lists.isEmpty {
                text += "Own lists: \(counted(databases.lists.count, "network"))\n"
            }
            if text.isEmpty { text = "No database was found: no address has a place.\n" }
            try put(text)
        }
    }

    struct Lookup: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what is known of addresses, and which database says it.",
            discussion: """
                IPv4, IPv6, mapped and 6to4 forms, with a port or without.

                Exit statuses: 0, 64 not an address, 78 a database is wrong.
                """)

        @Argument(help: "Addresses.")
        var addresses: [String]
        @OptionGroup var geo: GeoOptions

        func run() throws {
            let parsed = try addresses.map { text in
                guard let address = IPAddress(text) else {
                    throw Misuse("'\(SafeText.visible(text, limit: 100))' is not an IP address")
                }
                return address
            }
            let databases = try geo.open()
            for address in parsed { try put(Lookup.text(databases.lookup(address))) }
        }

        static func text(_ answer: GeoAnswer) -> String {
            var text = answer.address.description
            if answer.effectiveAddress != answer.address {
                text += " (holds \(answer.effectiveAddress))"
            }
            text += "\n    place: \(SafeText.visible(answer.place.label))"
            if let latitude = answer.place.latitude, let longitude = answer.place.longitude {
                let radius = answer.place.radiusKilometers.map { ", within \($0) km" } ?? ""
                text += " at \(fixed(latitude)), \(fixed(longitude))\(radius)"
            }
            text += "\n"
            if !answer.timeZone.isEmpty {
                text += "    time zone: \(SafeText.visible(answer.timeZone))\n"
            }
            let system = answer.network.asn == 0 ? "" : "AS\(answer.network.asn) "
            let network = system + answer.network.organization
            let kind = answer.network.kind == .unknown ? "kind unknown" : answer.network.kind.name
            text +=
                "    network: \(network.isEmpty ? "unknown" : SafeText.visible(network)) (\(kind)"
                + "\(answer.isListed ? ", by your list" : "")\(answer.isAnycast ? ", anycast" : ""))\n"
            text += "    travel is \(answer.isLocated ? "" : "not ")judged from here\n"
            for source in answer.sources {
                text += "    \(SafeText.visible(source.path)), \(SafeText.visible(source.network))"
                if source.isDamaged {
                    text += ": damaged there, not used\n"
                    continue
                }
                text +=
                    source.gave.isEmpty ? "\n" : ": gave \(source.gave.joined(separator: ", "))\n"
                for field in source.fields {
                    text +=
                        "        \(SafeText.visible(field.name)): \(SafeText.visible(field.value))\n"
                }
            }
            return text
        }

        /// Three digits after the point: 100 m, finer than any record.
        private static func fixed(_ degrees: Double) -> String {
            "\((degrees * 1000).rounded() / 1000)"
        }
    }

    /// For whoever builds the package.
    struct Reduce: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the reduced database out of a full City database.",
            discussion: """
                The same input gives the same bytes. Takes a minute and 2 GB for 12 M networks.

                  lastseen geo reduce dbip-city-lite.mmdb city-lite.mmdb
                """,
            shouldDisplay: false)

        @Argument(help: "A full City database.") var full: String
        @Argument(help: "The file to write.") var output: String
        @Option(name: .long, help: "The greatest size, in bytes.") var bytes = 8_000_000

        func validate() throws {
            guard (100_000...1_000_000_000).contains(bytes) else {
                throw ValidationError("--bytes is \(bytes). Use 100000 to 1000000000.")
            }
        }

        func run() throws {
            var options = GeoReducer.Options()
            options.byteLimit = bytes
            let summary = try GeoReducer.reduce(full, to: output, options: options)
            try put(
                "\(summary.sourceNetworks) networks of \(summary.sourcePlaces) places became "
                    + "\(summary.nodes) nodes of \(summary.centres) centres, \(summary.bytes) bytes\n"
            )
        }
    }
}
