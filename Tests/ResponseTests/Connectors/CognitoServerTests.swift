import Foundation
import SessionModel
import Testing

@testable import Response

/// Against `moto_server`, others' implementation of AWS's APIs (PyPI: `moto[server]`).
@Suite(.enabled(if: MotoServer.program != nil, "moto_server is not installed"))
struct CognitoServerTests {
    @Test("log out, reset and disable a user of a pool")
    func pool() throws {
        let moto = try MotoServer()
        defer { moto.stop() }
        let pool = try #require(
            moto.call("CreateUserPool", #"{"PoolName":"lastseen"}"#)?["UserPool"]?["Id"]?.text)
        let user =
            #"{"UserPoolId":"\#(pool)","Username":"ann","UserAttributes":[{"Name":"email","#
            + #""Value":"ann@example.com"},{"Name":"email_verified","Value":"true"}]}"#
        #expect(moto.call("AdminCreateUser", user) != nil)
        let password =
            #"{"UserPoolId":"\#(pool)","Username":"ann","Password":"Old-Passw0rd!","Permanent":true}"#
        #expect(moto.call("AdminSetUserPassword", password) != nil)

        for (key, id, name) in [("id", "ann", ""), ("email", "x", "ann@example.com")] {
            let connector = try moto.connector(pool, key)
            #expect(connector.probe(at: now)?.outcome == .done)
            func action(_ kind: Rung) -> PlannedAction {
                var action = PlannedAction.sample(user: id, session: "")
                (action.kind, action.userName) = (kind, name)
                return action
            }
            let isFirst = key == "id"
            for (rung, outcome) in [
                (Rung.logOutEverywhere, ConnectorAnswer.Outcome.done),
                (.requirePasswordChange, isFirst ? .done : .alreadySo), (.suspend, .done),
                (.suspend, .alreadySo),
            ] {
                let answer = connector.carryOut(action(rung), at: now)
                #expect(answer.outcome == outcome, "\(rung): \(answer)")
            }
            #expect(connector.check(action(.requirePasswordChange), at: now)?.outcome == .done)
            #expect(connector.check(action(.suspend), at: now)?.outcome == .done)
            #expect(connector.undo(action(.suspend), at: now)?.outcome == .done)
            #expect(connector.check(action(.suspend), at: now)?.outcome == .retry)
        }
        var stranger = PlannedAction.sample(user: "nobody", session: "")
        stranger.kind = .suspend
        let answer = try moto.connector(pool, "id").carryOut(stranger, at: now)
        #expect(answer.outcome == .refused)
        #expect(answer.detail.contains("knows no user"), "\(answer)")
    }

    private let now = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
}

/// `moto_server` on a port of its own, ended with the value.
final class MotoServer {
    static let program: String? = {
        let paths = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return paths.map { "\($0)/moto_server" }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }()

    private let process = Process()
    private let port: UInt16
    private let client: HTTPClient

    init() throws {
        let probe = try HTTPServer { _, _ in .hangUp }
        port = probe.port
        probe.stop()
        usleep(20_000)
        client = try HTTPClient(limit: 1)
        process.executableURL = URL(fileURLWithPath: MotoServer.program ?? "")
        process.arguments = ["-H", "127.0.0.1", "-p", "\(port)"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        for _ in 0..<600 where call("ListUserPools", #"{"MaxResults":1}"#) == nil {
            usleep(50_000)  // it is still starting
        }
    }

    func stop() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// As an administrator does by AWS's own tools.
    func call(_ operation: String, _ json: String) -> JSONValue? {
        let reply = client.send(
            HTTPRequest(
                method: "POST", url: "http://127.0.0.1:\(port)/",
                headers: [
                    "content-type: application/x-amz-json-1.1",
                    "x-amz-target: AWSCognitoIdentityProviderService.\(operation)",
                    "authorization: AWS4-HMAC-SHA256 Credential=x/20260301/eu-central-1/"
                        + "cognito-idp/aws4_request, SignedHeaders=host, Signature=0",
                ], body: Array(json.utf8)),
            HTTPLimits(
                addresses: AddressGuard(allowsPrivate: true, isEncrypted: false), caFile: nil,
                connectMilliseconds: 1_000, totalMilliseconds: 20_000))
        return reply.status == 200 ? JSONValue(reply.body) : nil
    }

    func connector(_ pool: String, _ key: String) throws -> any Connector {
        let file = try TemporaryFile(
            """
            connectors:
              - kind: cognito
                url: http://127.0.0.1:\(port)
                allow_private: true
                region: eu-central-1
                user_pool_id: \(pool)
                access_key_id: {command: [/bin/echo, AKIDEXAMPLE]}
                secret_access_key: {command: [/bin/echo, secret-key]}
                user_by: \(key)
            """)
        return try ConnectorFile.read(file.path)[0].connector
    }
}
