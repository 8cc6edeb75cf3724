internal import Glibc

/// Where secrets come from: never an argument, which every user of the machine can see.
public enum SecretSource: Sendable, Equatable {
    /// A file with one secret a line (empty lines and lines beginning with `#` are skipped), that
    /// only its owner and group can read. A pipe will do.
    case file(String)
    /// An environment variable with secrets separated by spaces or line ends.
    case environment(String)

    /// At most so many bytes are read, and so many secrets taken.
    static let byteLimit = 65_536
    static let secretLimit = 8

    /// The signing secrets, newest first as given. Every one of them signs, so that a receiver can
    /// change from one to the next without missing a message.
    ///
    /// - Parameter environment: a variable's value; `getenv` by default.
    public func webhookSecrets(
        environment: (String) -> String? = SecretSource.variable
    ) throws(ResponseError) -> [WebhookSecret] {
        let (text, origin) = try read(environment)
        return try SecretSource.webhookSecrets(in: text, origin: origin)
    }

    /// Reads the secret now, since its form is to be checked when the file is read.
    static func webhookSecrets(_ value: SecretValue) throws(ResponseError) -> [WebhookSecret] {
        let origin =
            switch value.origin {
            case .environment(let name): "environment variable \(name)"
            case .file(let path): path
            case .command(let words): words[0]
            }
        return try webhookSecrets(in: try value.text(), origin: origin)
    }

    private static func webhookSecrets(
        in text: String, origin: String
    ) throws(ResponseError) -> [WebhookSecret] {
        var secrets: [WebhookSecret] = []
        for line in text.split(whereSeparator: { $0.isNewline }) where !line.hasPrefix("#") {
            for word in line.split(whereSeparator: { $0 == " " || $0 == "\t" }) {
                let number = secrets.count + 1
                guard let secret = WebhookSecret(String(word)) else {
                    throw .badSecret(
                        origin: origin, number: number,
                        reason: "is not 'whsec_' and the base64 of 24 to 64 bytes")
                }
                guard number <= SecretSource.secretLimit else {
                    throw .badSecret(
                        origin: origin, number: number,
                        reason: "is one too many (at most \(SecretSource.secretLimit))")
                }
                secrets.append(secret)
            }
        }
        guard !secrets.isEmpty else {
            throw .badSecret(origin: origin, number: 1, reason: "is missing")
        }
        return secrets
    }

    public static func variable(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

    private func read(
        _ environment: (String) -> String?
    ) throws(ResponseError) -> (text: String, origin: String) {
        switch self {
        case .environment(let name):
            guard let value = environment(name) else {
                throw .badSecret(
                    origin: "environment variable \(name)", number: 1, reason: "is missing")
            }
            return (value, "environment variable \(name)")
        case .file(let path):
            return (try SecretSource.contents(of: path), path)
        }
    }

    /// The text of a file of secrets. Throws when others may read or write it.
    static func contents(of path: String) throws(ResponseError) -> String {
        func failed(_ reason: String, _ remedy: String) -> ResponseError {
            .badFile(path: path, reason: reason, remedy: remedy)
        }
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw unreadable(path) }
        defer { _ = close(file) }
        var facts = stat()
        guard unsafe fstat(file, &facts) == 0 else { throw unreadable(path) }
        try requirePrivate(facts, path)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe Glibc.read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failed(errorText(errno), "Give another file.") }
            if count == 0 { break }
            bytes += buffer[..<count]
            guard bytes.count <= byteLimit else {
                throw failed("it is longer than \(byteLimit) bytes", "Give a file of secrets only.")
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension SecretSource {
    /// Throws unless the file of secrets is there and keeps them. Opens nothing: a pipe is read once.
    static func checkedFile(_ path: String) throws(ResponseError) {
        var facts = stat()
        guard unsafe stat(path, &facts) == 0, unsafe access(path, R_OK) == 0 else {
            throw unreadable(path)
        }
        try requirePrivate(facts, path)
    }

    private static func unreadable(_ path: String) -> ResponseError {
        .badFile(
            path: path, reason: errorText(errno),
            remedy: "Give a file of secrets that this user can read.")
    }

    private static func requirePrivate(
        _ facts: stat, _ path: String
    ) throws(ResponseError) {
        switch facts.st_mode & S_IFMT {
        case S_IFREG:
            guard facts.st_mode & 0o006 == 0 else {
                throw .badFile(
                    path: path, reason: "every user can read or write it",
                    remedy: "Run: chmod o-rwx on it.")
            }
        case S_IFIFO: break
        default:
            throw .badFile(
                path: path, reason: "it is neither a file nor a pipe", remedy: "Give a file.")
        }
    }
}

/// The system's words for an error number.
func errorText(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    let text = unsafe buffer.withUnsafeMutableBufferPointer { room -> String in
        // The GNU form gives a pointer; the XSI form a status and fills the buffer.
        guard unsafe strerror_r(code, room.baseAddress!, room.count) == 0 else {
            return "error \(code)"
        }
        return unsafe String(cString: room.baseAddress!)
    }
    return text
}
