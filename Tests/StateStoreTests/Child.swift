import Glibc
import StateStore
import Testing

/// Another process that runs one `ChildJob`: this test program once more, told by its environment.
struct Child {
    let pid: pid_t

    static let jobVariable = "LASTSEEN_STATE_CHILD_JOB"
    static let folderVariable = "LASTSEEN_STATE_CHILD_FOLDER"

    /// - Parameter shell: run first, in a mount namespace of the child's own, where it can mount
    ///   over the folder (`$LASTSEEN_STATE_CHILD_FOLDER`).
    init(_ job: ChildJob, in folder: Folder, after shell: String? = nil) throws {
        let executable = try #require(String(cString: realpath("/proc/self/exe", nil)) as String?)
        var arguments = [
            executable, "--testing-library", "swift-testing", "--filter", "StateChild",
        ]
        if let shell {
            let script = "exec unshare -rm /bin/sh -c '\(shell) && exec \"$@\"' sh \"$@\""
            arguments = ["/bin/sh", "-c", script, "sh"] + arguments
        }
        var environment: [String] = ["\(Self.jobVariable)=\(job.rawValue)"]
        environment.append("\(Self.folderVariable)=\(folder.path)")
        var entry = environ
        while let text = entry.pointee {
            environment.append(String(cString: text))
            entry += 1
        }
        var argv = arguments.map { strdup($0) } + [nil]
        var envp = environment.map { strdup($0) } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let output = folder.path + "/child.out"
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var pid: pid_t = 0
        try #require(posix_spawn(&pid, arguments[0], &actions, nil, &argv, &envp) == 0)
        self.pid = pid
    }

    func kill() { Glibc.kill(pid, SIGKILL) }

    /// Waits for its end and returns the exit status, or 128 and the signal's number.
    @discardableResult
    func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F)
    }

    /// What the last child in this folder said so far, a line each.
    static func said(in folder: Folder) -> [String] {
        folder.readText("child.out").split(separator: "\n").compactMap { line in
            line.hasPrefix("SAID: ") ? String(line.dropFirst(6)) : nil
        }
    }

    /// Waits until the child said something, or is gone.
    func waitForWord(in folder: Folder) {
        while Self.said(in: folder).isEmpty, Glibc.kill(pid, 0) == 0 { usleep(2000) }
    }

    /// Whether a shell may mount in a namespace of its own here: not in every container.
    static let canMount: Bool = {
        let folder = Folder()
        guard
            let child = try? Child(
                .nothing, in: folder, after: "mount -t tmpfs none $\(folderVariable)")
        else { return false }
        return child.wait() == 0
    }()
}

/// A folder that goes away with the value.
final class Folder: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/lastseen-state-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    }

    deinit { system("rm -rf '\(path)'") }

    /// Where tests put the state.
    var state: String { path + "/state.db" }

    func open(waitSeconds: Double = 0, readOnly: Bool = false) throws(StateError) -> StateStore {
        try StateStore(path: state, waitSeconds: waitSeconds, holder: "a test", readOnly: readOnly)
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        let file = try #require(fopen(path + "/" + name, "w"))
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }

    /// Empty when there is no such file.
    func read(_ name: String) -> [UInt8] {
        guard let file = fopen(path + "/" + name, "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&part, 1, part.count, file), count > 0 {
            bytes += part[..<count]
        }
        return bytes
    }

    func readText(_ name: String) -> String { String(decoding: read(name), as: UTF8.self) }
}

/// A generator that a seed repeats (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

extension StateTransaction {
    mutating func putProfile(_ key: UInt64, _ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { bytes in
            try putProfile(key: key, bytes: bytes)
        }
    }
}

extension ProfileReader {
    func read(_ keys: [UInt64]) throws -> [Int: [UInt8]] {
        var found: [Int: [UInt8]] = [:]
        try keys.withUnsafeBufferPointer { keys in
            try read(keys: keys) { index, bytes in found[index] = Array(bytes) }
        }
        return found
    }
}

extension StateStore {
    func profile(_ key: UInt64) throws -> [UInt8]? { try makeProfileReader().read([key])[0] }
}
