import ArgumentParser
import Detection
import Pipeline
import Publishing
import SessionModel
import StateStore

struct Networks: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show which networks are shared by many users, as far as was learned.",
        discussion: """
            Behind a company's egress, a carrier's gateway or a campus sit people of many places: what \
            is seen from there tells where the network is, and not where the person is. A network (/24, \
            /48) counts as shared seven hours after some 66 users were seen on it, unless a list or a \
            database has a word for it.

              lastseen networks                       those that count as shared
              lastseen networks --all                 also those on the way there
              lastseen networks --export > learned.txt   as lines for 'analyze --networks'

            To correct one, give it a kind of its own in your list: '203.0.113.0/24 residential'.

            Exit statuses: 0 also when there is none, 64 misuse, 66 no state yet.
            """)

    @Flag(name: .long, help: "All that 8 and more users were seen on.")
    var all = false
    @Flag(name: .long, help: "As lines of a list of networks: 'CIDR shared_egress'.")
    var export = false
    @Flag(name: .long, help: "As NDJSON.")
    var json = false
    @OptionGroup var state: StateOptions
    @OptionGroup var color: ColorOption

    func validate() throws {
        if export, json { throw ValidationError("Use --export or --json, not both.") }
    }

    func run() throws {
        let store = try state.openForReading(as: "networks")
        defer { store.close() }
        let found = try LearnedNetworks.read(store).filter { all || $0.isShared }
        if found.isEmpty {
            if !json, !export { complain("no network is known to be shared") }
            return
        }
        try put(found.map(line).joined())
    }

    private func line(_ network: Organization.LearnedNetwork) -> String {
        let users = network.users > 110 ? "111+" : "\(network.users)"
        let since = network.since.rfc3339
        if export {
            return "\(network.network) shared_egress learned from \(users) users since \(since)\n"
        }
        if json {
            return "{\"network\":\"\(network.network)\",\"users\":\(network.users),"
                + "\"since\":\"\(since)\",\"is_shared\":\(network.isShared)}\n"
        }
        let name =
            network.network + String(repeating: " ", count: max(1, 24 - network.network.count))
        return "\(name)\(users) users, "
            + (network.isShared ? "shared since \(since)\n" : "not enough of them yet\n")
    }
}
