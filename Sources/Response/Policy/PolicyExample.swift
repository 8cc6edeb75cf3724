/// An annotated policy to begin with: `docs/policy.yaml`, which a test holds to be the same.
public enum PolicyExample {
    public static let text = """
        # A policy for Lastseen: how far to go for which alerts.
        #
        #   lastseen respond check --policy policy.yaml --strict     is it right, and do its tests pass?
        #   lastseen respond plan --policy policy.yaml --groups groups.csv --since 7d    what would it have done?
        #   lastseen analyze … --act --policy policy.yaml --groups groups.csv --connectors connectors.yaml
        #
        # Rungs, mildest first: notify, require-step-up, log-out-session, log-out-other-sessions,
        # log-out-everywhere, require-password-change, suspend; or 'asked': what the alert's rules ask for.

        settings:
          # For 'rung: asked': the least risk for a step, and for a new password.
          act_risk: 80
          password_risk: 90
          # Where a target can only end all sessions of a user: leave it to a person.
          widen: false
          # Nothing is ever done for these; an alert is still an alert. '*' stands for any characters.
          protected_users: [break-glass, 'board-*']
          protected_groups: [executives]
          service_accounts: ['svc-*', '*@system.example.com']
          caps:
            per_run: 100
            per_hour: 200
            per_day: 1000
            per_user_and_hour: 6
            per_application_and_hour: 100
          # Not again for the same user within so many minutes, for another alert's sake.
          cool_down_minutes: {require-password-change: 60, suspend: 60}
          # How many persons have to agree, and for how long they can.
          approvals: {suspend: 2, log-out-everywhere: 1}
          approval_hours: 24
          # A suspect who was last seen longer ago is left to a person, as in a first run over old logs.
          maximum_age_hours: 72
          # More users than that within an hour, and a person has to look: 'lastseen respond resume'.
          # The share is of all known users, and counts above least_users.
          breaker: {users_per_hour: 50, share_of_users: 0.1, least_users: 10}
          # In which no step is begun; what is planned waits.
          quiet:
            - {days: sun, from: "02:00", until: "04:00", zone: Europe/Berlin}

        # The first that matches wins. All that 'match' says has to hold: rule, family, user, group,
        # application and tenant are a name or a list of names, where '*' stands for any characters;
        # severity, confidence and asks are the least; risk is the least or a range as 70-89; time is the
        # alert's, on the clocks of a zone. Without a confidence the finding is at least likely.
        policy:
          - name: an administrator's session in other hands
            match: {family: [session, travel], group: admins, risk: 80, confidence: certain}
            rung: suspend
          - name: administrators
            match: {group: admins, risk: 60}
            rung: log-out-everywhere
          - name: payroll at night
            match:
              application: payroll
              risk: 60
              time: {days: mon-fri, from: "20:00", until: "06:00", zone: Europe/Berlin}
            rung: require-password-change
          - name: guessed passwords
            match: {rule: [failures-then-success, password-spray], risk: 70}
            rung: require-password-change
          - name: the rest, when it is bad enough
            match: {risk: 80}
            rung: asked

        # For alerts that meet no entry.
        default: notify

        # An alert in a few words (risk 50, likely, asks for log-out-session, unless it says so), and what
        # the policy has to say: the rung, the entry that decides, the steps and what becomes of them.
        tests:
          - name: an administrator's token is stolen
            alert: {rule: session-moved, risk: 95, confidence: certain, group: admins}
            rung: suspend
            steps: [log-out-session, require-password-change, 'suspend: waiting']
          - name: the same, but only likely
            alert: {rule: session-moved, risk: 95, group: admins}
            rung: log-out-everywhere
            entry: administrators
          - name: payroll, a Tuesday at nine in the evening in Berlin
            alert: {rule: new-country, risk: 65, application: payroll, time: '2026-03-03T20:00:00Z'}
            rung: require-password-change
          - name: payroll, a Tuesday at noon
            alert: {rule: new-country, risk: 65, application: payroll, time: '2026-03-03T11:00:00Z'}
            rung: notify
            entry: default
          - name: a password that was guessed
            alert: {rule: failures-then-success, risk: 75, asks: notify}
            rung: require-password-change
          - name: anybody, at a high risk
            alert: {rule: impossible-travel, risk: 85, asks: require-password-change}
            rung: require-password-change
            steps: [log-out-session, 'require-password-change: notify-only']
          - name: a service account is left alone
            alert: {rule: impossible-travel, risk: 99, confidence: certain, user: svc-backup}
            rung: log-out-session
            steps: ['log-out-session: notify-only']

        """
}
