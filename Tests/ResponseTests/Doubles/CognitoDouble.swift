import Foundation
import SessionModel

@testable import Response

/// A user pool of Amazon Cognito, as the service's model in the AWS SDKs describes it. The signature
/// is computed again by what `SignatureV4Tests` compares with AWS's own.
final class CognitoDouble: StrictDouble, @unchecked Sendable {
    override var kind: ConnectorKind { .cognito }
    override var settings: [String] {
        [
            "region: eu-central-1", "user_pool_id: eu-central-1_aBcDeFgHi",
            "access_key_id: {command: [/bin/echo, AKIDEXAMPLE]}",
            "secret_access_key: {command: [/bin/echo, wJalrXUtnFEMI]}",
            "session_token: {file: \(tokenFile.path)}",
        ]
    }

    override func isAuthorized(_ call: Call) -> Bool {
        let names = ["accept", "expect", "user-agent", "content-length", "connection"]
        guard call.headers["x-amz-security-token"] == token,
            let given = call.headers["authorization"],
            let date = call.headers["x-amz-date"], date == "20270115T080000Z"
        else { return false }
        let signed = HTTPRequest(
            method: call.method, url: url + "/",
            headers: call.headers.filter {
                !names.contains($0.key) && $0.key != "authorization" && $0.key != "host"
                    && !$0.key.hasPrefix("x-amz-date") && $0.key != "x-amz-security-token"
            }.map { "\($0.key): \($0.value)" },
            body: Array(call.body.utf8))
        let lines = SignatureV4.lines(
            for: signed, region: "eu-central-1", service: "cognito-idp",
            accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI", sessionToken: token,
            at: epoch)
        return lines.last == "authorization: \(given)"
    }

    override var unauthorized: Reply {
        Reply(status: 400, body: #"{"__type":"ExpiredTokenException","message":"expired"}"#)
    }

    private func operation(_ call: Call) -> String {
        String(call.headers["x-amz-target"]?.split(separator: ".").last ?? "")
    }

    override func isRead(_ call: Call) -> Bool {
        ["AdminGetUser", "ListUsers", "DescribeUserPool"].contains(operation(call))
    }

    override func isSo(_ rung: Rung) -> Bool {
        switch rung {
        case .logOutEverywhere: sessions.map(\.id) == ["s-9"]
        case .requirePasswordChange: user.mustChange
        case .suspend: !user.isEnabled
        default: false
        }
    }

    override func respond(to call: Call) -> Reply {
        guard call.method == "POST", call.path == [""], call.query.isEmpty,
            call.headers["content-type"] == "application/x-amz-json-1.1",
            call.members["UserPoolId"]?.text == "eu-central-1_aBcDeFgHi"
        else { return strange(call, "not the service's") }
        let operation = operation(call)
        if operation == "DescribeUserPool" { return .ok(#"{"UserPool":{}}"#) }
        if operation == "ListUsers" {
            let filter = call.members["Filter"]?.text
            let found = users.filter { filter == "email = \"\($0.email)\"" }
            return .ok(
                #"{"Users":["#
                    + found.map {
                        #"{"Username":"\#($0.id)","Attributes":[{"Name":"email","Value":"\#($0.email)"}]}"#
                    }.joined(separator: ",") + "]}")
        }
        guard Set(call.members.keys) == ["UserPoolId", "Username"],
            let name = call.members["Username"]?.text
        else { return strange(call, "the body \(call.body)") }
        guard let index = index(name) else {
            return Reply(
                status: 400, body: #"{"__type":"UserNotFoundException","message":"no user"}"#)
        }
        switch operation {
        case "AdminUserGlobalSignOut":
            sessions.removeAll { $0.user == name }
        case "AdminResetUserPassword": users[index].mustChange = true
        case "AdminDisableUser": users[index].isEnabled = false
        case "AdminEnableUser": users[index].isEnabled = true
        case "AdminGetUser":
            let status = users[index].mustChange ? "RESET_REQUIRED" : "CONFIRMED"
            return .ok(#"{"UserStatus":"\#(status)","Enabled":\#(users[index].isEnabled)}"#)
        default: return strange(call, "no such operation \(operation)")
        }
        return .ok("{}")
    }
}
