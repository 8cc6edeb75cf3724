import ArgumentParser
import Glibc

/// `lastseen serve`: the program `lastseen-server`, in the place of this one.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve owners' links, and signals to other systems (OpenID Shared Signals 1.0).",
        discussion: """
            Runs 'lastseen-server', which lies beside this program, with the same arguments: \
            'lastseen-server --help' tells them. It is a program of its own so that what reads \
            hostile records holds no HTTP server.

            Exit statuses: 69 lastseen-server is not installed; else its own.
            """)

    @Argument(parsing: .captureForPassthrough, help: "Arguments of lastseen-server.")
    var arguments: [String] = []

    func run() throws {
        var room = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = unsafe readlink("/proc/self/exe", &room, room.count - 1)
        let own = String(
            decoding: room[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let folder = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? ""
        let program = folder + "/lastseen-server"
        let words = unsafe ([program] + arguments).map { unsafe strdup($0) } + [nil]
        unsafe execv(program, words)
        let reason = unsafe String(cString: strerror(errno))
        unsafe words.forEach { unsafe free($0) }
        throw Misuse(
            "\(program) cannot be run: \(reason). 'make install' puts it there.", exitCode: 69)
    }
}
