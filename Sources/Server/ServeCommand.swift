public import ArgumentParser
internal import Enrichment
internal import Glibc
internal import Messaging
internal import Response
internal import SessionModel
internal import Settings
internal import Synchronization

/// `lastseen-server`, which is also `lastseen serve`.
public struct ServeCommand: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "lastseen-server",
        abstract: "Serve owners' links, and signals to other systems (OpenID Shared Signals 1.0).",
        discussion: """
            With --state: the pages behind 'this was me' and 'this was not me' in messages to account \
            owners, below the 'url' of the channels' file. Opening a link changes nothing; its button \
            answers, once. What was answered is taken by the 'watch' that holds the state within a \
            second, else by the next 'analyze', 'notify send' or 'respond apply'.

              lastseen serve --state /var/lib/lastseen/state.db --link-key /etc/lastseen/link-key

            With --issuer: receivers set up a stream, and have Security Event Tokens pushed to them (RFC 8935) or \
            poll for them (RFC 8936). The connector 'shared-signals' with 'streams: FILE' puts them \
            in; this program and 'lastseen' may run at the same time.

              lastseen serve --issuer https://monitor.example.com --streams /var/lib/lastseen/streams.db \\
                --signing-key /etc/lastseen/ssf-key.pem --receivers /etc/lastseen/receivers.yaml

            Make a key with: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048

            It listens on this machine alone unless told otherwise: put a web server with TLS before \
            it, or give a certificate. Runs until SIGTERM or SIGINT.

            Exit statuses: 0 ended by a signal, 1 a failure, 64 misuse, 78 something is wrong with a \
            file.
            """)

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Serve owners' links, and take the answers into this state.", valueName: "file"))
    var state: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The key that signs links, in a file that others cannot read. Default: the variable LASTSEEN_LINK_KEY.",
            valueName: "file"))
    var linkKey: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Your own phrases, as 'templates' of the channels' file.", valueName: "folder"))
    var templates: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Serve signals: the https URL by which receivers know this transmitter.",
            valueName: "url"))
    var issuer: String?
    @Option(
        name: .long,
        help: ArgumentHelp("The file of streams and of what waits in them.", valueName: "file"))
    var streams: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "A private key (PEM; RSA 2048 or P-256) that others cannot read. The first signs; the others are published too. May be repeated.",
            valueName: "file"))
    var signingKey: [String] = []
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The first key's id. Default: its thumbprint.", valueName: "id"))
    var keyID: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Who may have a stream: names, audiences and hashes of tokens (YAML).",
            valueName: "file"))
    var receivers: String?
    @Option(
        name: .long, help: ArgumentHelp("Where to listen.", valueName: "address:port"))
    var listen = "127.0.0.1:8470"
    @Option(
        name: .long,
        help: ArgumentHelp("Serve by TLS, with this certificate (PEM).", valueName: "file"))
    var tlsCertificate: String?
    @Option(
        name: .long,
        help: ArgumentHelp("The certificate's private key (PEM).", valueName: "file"))
    var tlsKey: String?
    @Flag(name: .long, help: "Let receivers have events pushed to private addresses.")
    var allowPrivate = false
    @Option(
        name: .long,
        help: ArgumentHelp("Connections at a time, 2 to 1000.", valueName: "count"))
    var connections = 128

    public init() {}

    /// Runs the program with the process's arguments, and ends it.
    public static func start() -> Never {
        do {
            var command = try parseAsRoot()
            try command.run()
            exit(withError: nil)
        } catch let error as SettingsError {
            complain(error.description)
            exit(withError: ExitCode(78))
        } catch let error as ResponseError {
            complain(error.description)
            exit(withError: ExitCode(78))
        } catch let error as MessagingError {
            complain(error.description)
            exit(withError: ExitCode(78))
        } catch let error as ListenerError {
            complain(error.description)
            exit(withError: ExitCode(1))
        } catch {
            exit(withError: error)
        }
    }

    public func validate() throws {
        guard state != nil || issuer != nil else {
            throw ValidationError("Say --state to serve owners' links, --issuer to serve signals.")
        }
        if state == nil, linkKey != nil || templates != nil {
            throw ValidationError("--link-key and --templates need --state.")
        }
        let signals = [("--streams", streams), ("--receivers", receivers)]
        if issuer == nil {
            guard signals.allSatisfy({ $0.1 == nil }), signingKey.isEmpty else {
                throw ValidationError("--streams, --signing-key and --receivers need --issuer.")
            }
        } else {
            for (name, value) in signals where value == nil {
                throw ValidationError("\(name) is missing.")
            }
            if signingKey.isEmpty { throw ValidationError("--signing-key is missing.") }
        }
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-certificate and --tls-key go together.")
        }
        guard (2...1000).contains(connections) else {
            throw ValidationError("--connections is \(connections). Use 2 to 1000.")
        }
        guard ServeCommand.endpoint(listen) != nil else {
            throw ValidationError("--listen is '\(listen)'. Use 127.0.0.1:8470 or [::1]:8470.")
        }
    }

    public func run() throws {
        signal(SIGPIPE, SIG_IGN)
        var handlers: [any RouteHandler] = []
        if let state { handlers.append(try answers(state)) }
        var pusher: SignalPusher?
        if let issuer, let streams, let receivers {
            let (api, new) = try signals(issuer, streams: streams, receivers: receivers)
            handlers.append(api)
            pusher = new
        }
        guard let (address, port) = ServeCommand.endpoint(listen) else { return }
        var options = ListenerOptions(
            address: address, port: port, connectionLimit: connections)
        if let tlsCertificate, let tlsKey {
            let key = try SecretValue(.file(tlsKey), label: "--tls-key")
            let chain = try SecretValue(.file(tlsCertificate), label: "--tls-certificate")
            options.certificate = (try chain.text() + "\n", try key.text() + "\n")
        }
        try ServeCommand.serve(options, handlers, pusher)
    }

    private func answers(_ state: String) throws -> AnswerRoutes {
        let origin: SecretValue.Origin =
            linkKey.map { .file($0) } ?? .environment("LASTSEEN_LINK_KEY")
        let secret = try SecretValue(origin, label: "--link-key")
        guard let folder = BundledFiles.locate(.messages) else {
            throw MessagingError.badFile(
                path: "share/lastseen/messages", reason: "is not beside the program",
                remedy: "Install it (make install), or set LASTSEEN_SHARE.")
        }
        let phrases = try PhraseBook.load(folder: folder, overrides: templates)
        return AnswerRoutes(
            key: try AnswerKey(try secret.text()), pages: AnswerPages(phraseBook: phrases),
            statePath: ServeCommand.absolute(state), clock: ServeCommand.now,
            failed: { ServeCommand.complain($0) })
    }

    private func signals(
        _ issuer: String, streams: String, receivers: String
    ) throws -> (SignalAPI, SignalPusher) {
        var keys: [SigningKey] = []
        for path in signingKey {
            let secret = try SecretValue(.file(path), label: "--signing-key")
            keys.append(try SignalSigner.key(pem: try secret.text(), origin: path))
        }
        let signer = SignalSigner(keys, keyID: keyID)
        let store = try SignalStore(path: ServeCommand.absolute(streams))
        let api = try SignalAPI(
            SignalAPIOptions(
                issuer: issuer, allowsPrivate: allowPrivate, pollLimit: connections / 2),
            store: store, signer: signer, receivers: try SignalReceivers(file: receivers),
            clock: ServeCommand.now)
        let pusher = try SignalPusher(store: store, signer: signer, allowsPrivate: allowPrivate)
        return (api, pusher)
    }

    /// Serves, and pushes where there is what pushes, until a signal comes.
    static func serve(
        _ options: ListenerOptions, _ handlers: [any RouteHandler], _ pusher: SignalPusher?
    ) throws {
        // Blocked before the first thread is there, so that all have them blocked, and taken here.
        var wanted = sigset_t()
        unsafe sigemptyset(&wanted)
        for number in [SIGTERM, SIGINT, SIGHUP] { unsafe sigaddset(&wanted, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &wanted, nil)
        let listener = try HTTPListener(options, handlers: handlers)
        complain("lastseen-server: listening on \(options.address) port \(listener.port)")
        var lastTrouble = ""
        while true {
            var trouble = ""
            do {
                try pusher?.run(clock: now) { ServeCommand.isSignalPending() }
            } catch {
                trouble = "\(error)"
            }
            // Said once, not every second.
            if trouble != lastTrouble, !trouble.isEmpty { complain(trouble) }
            lastTrouble = trouble
            var pause = timespec(tv_sec: 1, tv_nsec: 0)
            if unsafe sigtimedwait(&wanted, nil, &pause) > 0 { break }
        }
        listener.stop()
    }

    private static func isSignalPending() -> Bool {
        var pending = sigset_t()
        unsafe sigpending(&pending)
        return [SIGTERM, SIGINT, SIGHUP].contains { unsafe sigismember(&pending, $0) == 1 }
    }

    @Sendable static func now() -> Timestamp {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(
            milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    static func complain(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = unsafe write(2, bytes, bytes.count)
    }

    static func endpoint(_ text: String) -> (String, UInt16)? {
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...])
        else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        return host.isEmpty ? nil : (host, port)
    }

    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(folder) }
        return unsafe String(cString: folder) + "/" + path
    }
}
