package import Settings

/// How connectors of one kind are made from the file.
package struct ConnectorMaker: Sendable {
    /// The keys that only this kind has; `ConnectorFile.commonKeys` are everybody's.
    package var keys: [String]
    /// Nil after logging what is wrong.
    package var make: @Sendable (ConnectorSettings, ProblemLog) -> (any Connector)?

    package init(
        keys: [String],
        make: @escaping @Sendable (ConnectorSettings, ProblemLog) -> (any Connector)?
    ) {
        (self.keys, self.make) = (keys, make)
    }
}

extension ConnectorKind {
    /// Each kind's own, which stands in the connector's file.
    var maker: ConnectorMaker {
        switch self {
        case .webhook: WebhookConnector.maker
        case .exec: ExecConnector.maker
        case .redis: RedisConnector.maker
        case .sql: SQLConnector.maker
        case .keycloak: Keycloak.maker
        case .okta: Okta.maker
        case .entra: Entra.maker
        case .google: GoogleWorkspace.maker
        case .auth0: Auth0.maker
        case .authentik: Authentik.maker
        case .cognito: Cognito.maker
        case .github: GitHub.maker
        case .sessionAPI: SessionAPI.maker
        case .sharedSignals: SharedSignalsConnector.maker
        }
    }
}

extension WebhookConnector {
    static let maker = ConnectorMaker(keys: ["url", "secret", "ca_file", "allow_private"]) {
        settings, log in
        let url = settings.text("url", because: "where to send the steps")
        let secret = settings.secret(
            "secret", because: "what signs the steps, as {file: /etc/lastseen/secret}")
        let caFile = settings.path("ca_file")
        guard let url, let secret else { return nil }
        do {
            return try WebhookConnector(
                WebhookOptions(
                    url: url, secrets: try SecretSource.webhookSecrets(secret), caFile: caFile,
                    allowsPrivate: settings.flag("allow_private"),
                    totalMilliseconds: settings.timeoutSeconds * 1000), name: settings.name)
        } catch {
            log.add("\(error)", at: settings.fields.node)
            return nil
        }
    }
}

extension ExecConnector {
    static let maker = ConnectorMaker(keys: ["program", "arguments", "environment"]) {
        settings, log in
        let program = settings.text("program", because: "the path of what to run")
        let arguments = settings.fields.texts("arguments")
        let variables = settings.fields.texts("environment")
        guard let program, let arguments, let variables else { return nil }
        do {
            return try ExecConnector(
                ExecOptions(
                    program: program, arguments: arguments, variables: variables,
                    limitMilliseconds: settings.timeoutSeconds * 1000), name: settings.name,
                environment: settings.environment)
        } catch {
            log.add("\(error)", at: settings.fields.node)
            return nil
        }
    }
}
