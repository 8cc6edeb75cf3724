import ArgumentParser
import Response
import SessionModel
import StateStore

/// What Lastseen may do itself.
struct ResponseOptions: ParsableArguments {
    @Flag(
        name: .long,
        help: "Carry out planned log-outs and password changes. Without it, all is a dry run.")
    var act = false

    @Option(
        name: .long,
        help: ArgumentHelp("The least risk, 0 to 100, for a step of Lastseen's own.", valueName: "risk"))
    var actRisk: Int = 80

    func policy() throws -> ResponsePolicy {
        try ResponsePolicy(isActing: act, actRisk: actRisk)
    }

    func apply(_ store: StateStore) throws {}
}
