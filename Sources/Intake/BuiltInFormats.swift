/// The formats that come with Lastseen, in the form that a user's own has.
enum BuiltInFormats {
    /// Name and text, in the order in which `auto` tries them.
    static let all: [(name: String, text: String)] = [
        ("native", native), ("m365-audit", m365Audit), ("cloudtrail", cloudTrail), ("sshd", sshd),
        ("rba", rba),
    ]

    static let native = """
        name: native
        description: Lastseen's own record, one JSON object a line
        decoder: json
        envelope: [records, Records, value]
        detect: [[time, user.id]]
        fields:
          id: id
          time: time
          tenant: tenant
          user.id: user.id
          user.name: user.name
          session.id: session.id
          device.id: device.id
          ip: ip
          user_agent: user_agent
          application: application
          event:
            from: event
            values: {login: login, activity: activity, logout: logout, session: session, mfa: mfa,
              password_change: password_change, recovery: recovery, mfa_change: mfa_change}
          outcome:
            from: outcome
            values: {success: success, failure: failure, unknown: unknown}
          auth.method:
            from: auth.method
            values: {password: password, token: token, mfa: mfa, passkey: passkey, sso: sso}
        time: [rfc3339]
        """

    /// The user is who acted: the address, agent and session are theirs. So a password reset by an
    /// administrator is the administrator's activity, not the account's.
    static let m365Audit = """
        name: m365-audit
        description: Microsoft 365 unified audit log, Purview's CSV export or JSON lines
        decoder: json
        envelope: [value, Records]
        csv_cell: AuditData
        detect: [[CreationTime, Operation, Workload, UserId]]
        keep:
          - field: Operation
            in:
              - UserLoggedIn
              - UserLoginFailed
              - Change user password.
              - Reset user password.
              - Set force change user password.
              - User registered security info
              - User registered all required security info
              - User changed default security info
              - User deleted security info
              - Admin registered security info
              - Admin updated security info
              - Admin deleted security info
              - Disable Strong Authentication.
              - Enable Strong Authentication.
        fields:
          id: Id
          time: CreationTime
          tenant: OrganizationId
          user.id: UserId
          user.name: UserId
          session.id: ['DeviceProperties[Name=SessionId].Value', AppAccessContext.AADSessionId,
            'ExtendedProperties[Name=SessionId].Value', SessionId]
          device.id: 'DeviceProperties[Name=Id].Value'
          ip: [ClientIP, ActorIpAddress, ClientIPAddress]
          user_agent: ['ExtendedProperties[Name=UserAgent].Value', UserAgent]
          application: [ApplicationId, Workload]
          event:
            from: Operation
            values:
              UserLoggedIn: login
              UserLoginFailed: login
              Change user password.: password_change
              User registered security info: mfa_change
              User registered all required security info: mfa_change
              User changed default security info: mfa_change
              User deleted security info: mfa_change
            otherwise: activity
          outcome:
            from: Operation
            values: {UserLoggedIn: success, UserLoginFailed: failure}
            otherwise: success
        time: [rfc3339]
        placeholder_user: skip
        without_identity: skip
        """

    /// The principal's id comes first, since a failed sign-in carries no ARN.
    static let cloudTrail = """
        name: cloudtrail
        description: AWS CloudTrail files; console sign-ins
        decoder: json
        envelope: [Records, records]
        detect: [[eventSource, eventName, eventTime]]
        keep:
          - field: eventName
            in: [ConsoleLogin]
        fields:
          id: eventID
          time: eventTime
          tenant: recipientAccountId
          user.id: [userIdentity.principalId, userIdentity.arn]
          user.name: [userIdentity.userName, userIdentity.arn]
          ip: sourceIPAddress
          user_agent: userAgent
          application: {constant: AWS console}
          event: {constant: login}
          outcome:
            from: responseElements.ConsoleLogin
            values: {Success: success, Failure: failure}
          auth.method:
            from: additionalEventData.MFAUsed
            values: {'Yes': mfa, 'No': password}
        time: [rfc3339]
        absent: [AWS Internal, HIDDEN_DUE_TO_SECURITY_REASONS]
        placeholder_user: skip
        without_identity: skip
        """

    /// The user name is the attacker's to choose: patterns take it up to the last ` from `.
    ///
    /// The session is one connection, `host/pid/address/port`: an id of a process alone comes again.
    /// Only a login that worked has one. The device is the key's fingerprint, where a key was used;
    /// a key pair counts as a passkey. Any word may be an account, so only a blank user is refused.
    static let sshd = #"""
        name: sshd
        description: OpenSSH's sshd in syslog (with or without a year) or journald's JSON
        decoder: text
        headers:
          - '^(?:<\d{1,3}>)?(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (?P<host>\S+) (?P<program>[^\s\[:]+)(?:\[(?P<pid>\d+)\])?: (?P<message>.*)$'
          - '^(?:<\d{1,3}>)?(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*) (?P<host>\S+) (?P<program>[^\s\[:]+)(?:\[(?P<pid>\d+)\])?: (?P<message>.*)$'
          - '^<\d{1,3}>1 (?P<time>\S+) (?P<host>\S+) (?P<program>\S+) (?P<pid>\S+) \S+ (?:-|\[.*\]) (?P<message>.*)$'
          - '^(?:<\d{1,3}>)?(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (?P<host>\S+) '
        journal:
          time: __REALTIME_TIMESTAMP
          host: _HOSTNAME
          pid: _PID
          program: SYSLOG_IDENTIFIER
          message: MESSAGE
        keep:
          - field: program
            in: [sshd, sshd-session, sshd-auth]
        messages:
          - pattern: '^Accepted (?P<method>[^\s/]+)(?:/\S+)? for (?P<user>.*) from (?P<ip>\S+) port (?P<port>\d+) ssh2(?:: \S+ (?P<key>(?:SHA256|MD5):\S+)(?: .*)?)?$'
            set: {event: login, outcome: success}
          - pattern: '^Failed (?P<method>[^\s/]+)(?:/\S+)? for (?:invalid user )?(?P<user>.*) from (?P<ip>\S+) port \d+(?: ssh2)?(?:: .*)?$'
            set: {event: login, outcome: failure}
          - pattern: '^Invalid user (?P<user>.*) from (?P<ip>\S+)(?: port \d+)?$'
            set: {event: login, outcome: failure}
          - pattern: '^message repeated (?P<repeat>\d+) times: \[ (?P<message>.*)\]$'
        fields:
          time: time
          user.id: user
          user.name: user
          session.id: {join: /, from: [host, pid, ip, port]}
          device.id: key
          ip: ip
          application: {constant: ssh}
          auth.method:
            from: method
            values: {password: password, keyboard-interactive: password, publickey: passkey,
              gssapi-with-mic: sso, hostbased: token}
        time: [syslog, rfc3339, unix_us]
        placeholders: []
        """#

    /// Wiefling, Jørgensen, Thunem and Lo Iacono, "Pump Up Password Security!", ACM TOPS 2022. Its
    /// "Device Type" is a form factor, no device's id.
    static let rba = """
        name: rba
        description: Login data set for risk-based authentication (CSV)
        decoder: csv
        detect: [[Login Timestamp, User ID, IP Address, Login Successful]]
        fields:
          id: index
          time: Login Timestamp
          user.id: User ID
          ip: IP Address
          user_agent: User Agent String
          event: {constant: login}
          outcome:
            from: Login Successful
            values: {'True': success, 'False': failure}
        time: [rfc3339]
        """
}
