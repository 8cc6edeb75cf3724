internal import CHiredis
internal import Glibc

/// What Redis answered.
enum RedisReply: Sendable, Equatable {
    case none
    case integer(Int64)
    case bytes([UInt8])
    case status(String)
    /// A word in capitals and what it means: `WRONGPASS invalid username-password pair …`.
    case error(String)
    case list([RedisReply])

    var integer: Int64? {
        if case .integer(let value) = self { value } else { nil }
    }

    var bytes: [UInt8]? {
        if case .bytes(let value) = self { value } else { nil }
    }

    var list: [RedisReply]? {
        if case .list(let value) = self { value } else { nil }
    }
}

/// Why an exchange with Redis did not come to its end.
enum RedisFailure: Error, Equatable {
    case noLibrary(String)
    case unreachable(String)
    case tls(String)
    case timedOut
    case broken
    /// Not Redis's protocol, or an answer of another kind than the command gives.
    case notRedis
    /// Redis's error, whole.
    case said(String)
    /// Nothing was asked, or nothing done after asking.
    case refused(String)
}

/// How to reach a Redis server.
public enum RedisEndpoint: Sendable, Equatable {
    case tcp(host: String, port: Int)
    /// A socket's absolute path.
    case unix(String)
}

/// One connection, for one action. Not for two threads at once.
///
/// Safe because the C handles stay inside, and what is passed in is copied.
@safe final class RedisLink {
    private let handle: OpaquePointer
    /// Whether a command that changes something left, so that Redis may have acted.
    private(set) var hasActed = false

    /// - Parameter totalMilliseconds: for the connection and every command on it together.
    init(
        _ endpoint: RedisEndpoint, usesTLS: Bool, caFile: String?, connectMilliseconds: Int,
        totalMilliseconds: Int
    ) throws(RedisFailure) {
        var host: String?
        var path: String?
        var port: Int32 = 0
        switch endpoint {
        case .tcp(let name, let number):
            let isBareV6 = name.contains(":") && !name.hasPrefix("[")
            (host, port) = (isBareV6 ? "[\(name)]" : name, Int32(number))
        case .unix(let socket): path = socket
        }
        let hostCopy = unsafe host.flatMap { unsafe strdup($0) }
        let pathCopy = unsafe path.flatMap { unsafe strdup($0) }
        let caCopy = unsafe caFile.flatMap { unsafe strdup($0) }
        defer {
            unsafe free(hostCopy)
            unsafe free(pathCopy)
            unsafe free(caCopy)
        }
        var target = unsafe chiredis_target(
            host: hostCopy, port: port, unix_path: pathCopy, is_tls: usesTLS ? 1 : 0,
            ca_file: caCopy, connect_ms: connectMilliseconds, total_ms: totalMilliseconds)
        var status = CHIREDIS_OK
        var words = [CChar](repeating: 0, count: 256)
        guard let handle = unsafe chiredis_open(&target, &status, &words, words.count) else {
            let said = String(
                decoding: words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw RedisLink.failure(status, said)
        }
        unsafe self.handle = handle
    }

    deinit { unsafe chiredis_close(handle) }

    /// Sends a command and waits. An error of Redis's is thrown as `said`.
    func command(_ words: [[UInt8]], changes: Bool = false) throws(RedisFailure) -> RedisReply {
        let lengths = words.map(\.count)
        let bytes = words.flatMap { $0 }
        var wasSent: Int32 = 0
        var reply: OpaquePointer?
        let status = unsafe chiredis_command(
            handle, bytes, lengths, lengths.count, &wasSent, &reply)
        if changes, wasSent != 0 { hasActed = true }
        guard status == CHIREDIS_OK, let reply = unsafe reply else {
            throw RedisLink.failure(status, "")
        }
        defer { unsafe chiredis_reply_free(reply) }
        let answer = unsafe RedisLink.copy(reply)
        if case .error(let text) = answer { throw .said(text) }
        return answer
    }

    func command(_ name: String, _ words: [UInt8]..., changes: Bool = false)
        throws(RedisFailure) -> RedisReply
    {
        try command([Array(name.utf8)] + words, changes: changes)
    }

    private static func failure(_ status: chiredis_status, _ said: String) -> RedisFailure {
        switch status {
        case CHIREDIS_NO_LIBRARY: .noLibrary(said)
        case CHIREDIS_UNREACHABLE: .unreachable(said)
        case CHIREDIS_TLS: .tls(said)
        case CHIREDIS_TIMED_OUT: .timedOut
        case CHIREDIS_PROTOCOL: .notRedis
        case CHIREDIS_MEMORY: .unreachable("out of memory")
        default: .broken
        }
    }

    /// hiredis nests lists seven deep at the most.
    private static func copy(_ reply: OpaquePointer) -> RedisReply {
        var count = 0
        func bytes() -> [UInt8] {
            guard let base = unsafe chiredis_reply_bytes(reply, &count) else { return [] }
            return unsafe Array(UnsafeBufferPointer(start: base, count: count))
        }
        switch unsafe chiredis_reply_kind(reply) {
        case CHIREDIS_INTEGER: return .integer(unsafe chiredis_reply_integer(reply))
        case CHIREDIS_TEXT: return .bytes(bytes())
        case CHIREDIS_STATUS: return .status(String(decoding: bytes(), as: UTF8.self))
        case CHIREDIS_ERROR: return .error(String(decoding: bytes(), as: UTF8.self))
        case CHIREDIS_LIST:
            let elements = unsafe chiredis_reply_count(reply)
            var list: [RedisReply] = []
            for index in 0..<elements {
                let element = unsafe chiredis_reply_element(reply, index)
                list.append(unsafe element.map { unsafe copy($0) } ?? .none)
            }
            return .list(list)
        default: return .none
        }
    }
}
