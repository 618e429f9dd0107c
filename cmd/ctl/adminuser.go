package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/password"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

func (t *tool) adminUser() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List the users of the panel", Args: noArgs, RunE: t.action(t.adminUserList),
	}
	disable := &cobra.Command{Use: "disable NAME", Short: "Disable a user and end their sessions"}
	t.forUser(disable, "disabled", nil, func(ctx context.Context, d operators.PanelAuth, name string) error {
		return d.Disable(ctx, t.operator(), name)
	})
	passwd := &cobra.Command{
		Use: "passwd NAME", Short: "Set a user's password, read from standard input",
		Long: "Set a user's password: the first line of standard input, at least 12 characters. The user's sessions end.\n" +
			"A user who was locked out or disabled can sign in again.",
	}
	t.forUser(passwd, "changed", nil, func(ctx context.Context, d operators.PanelAuth, name string) error {
		secret, err := t.readPassword(passwd.InOrStdin())
		if err != nil {
			return err
		}
		return d.SetPassword(ctx, t.operator(), name, secret)
	})
	reset := &cobra.Command{
		Use: "totp-reset NAME", Short: "Turn off the second factor of a user who lost it",
		Long: "Turn off the second factor of a user who lost the phone and the recovery codes, and end the user's sessions. The\n" +
			"password alone signs in then. With BILLING_PANEL_TOTP=required the user must set up a new one at once.",
	}
	t.forUser(reset, "reset the second factor of", nil, func(ctx context.Context, d operators.PanelAuth, name string) error {
		return d.ResetFactor(ctx, t.operator(), name)
	})
	return group("admin-user", "Manage the users of the admin panel", t.adminUserAdd(), passwd, disable, reset, t.withJSON(list))
}

func (t *tool) adminUserAdd() *cobra.Command {
	var role string
	add := &cobra.Command{
		Use: "add NAME --role viewer|support|editor", Short: "Add a user; the password is read from standard input",
		Long: "Add a user. The password is the first line of standard input: at least 12 characters, different from the\n" +
			"name. A viewer can read. The support can also help viewers, within BILLING_SUPPORT_LIMITS. An editor can do\n" +
			"the same without limits, approve the instructions of others, and change the catalogue.",
		Example: "  billingctl admin-user add anna --role editor < password.txt",
	}
	add.Flags().StringVar(&role, "role", "", "role of the user: viewer, support or editor")
	require(add, "role")
	knownRole := func(f *faults) {
		if !slices.Contains(ports.Roles(), ports.Role(role)) && add.Flags().Changed("role") {
			f.addf("--role %q must be viewer, support or editor", role)
		}
	}
	t.forUser(add, "added", knownRole, func(ctx context.Context, d operators.PanelAuth, name string) error {
		secret, err := t.readPassword(add.InOrStdin())
		if err != nil {
			return err
		}
		return d.Add(ctx, t.operator(), name, ports.Role(role), secret)
	})
	return add
}

// forUser completes a command for one user of the panel, named by its argument or
// by --name. It calls check, unless that is nil, to check the other flags.
func (t *tool) forUser(cmd *cobra.Command, done string, check func(*faults), f func(context.Context, operators.PanelAuth, string) error) {
	name := cmd.Flags().String("name", "", "name of the user, instead of the argument")
	cmd.Args = cobra.ArbitraryArgs // checked below, together with the flags
	cmd.RunE = t.action(func(cmd *cobra.Command, args []string) error {
		wrong := flagFaults(cmd)
		if *name != "" {
			args = append(args, *name)
		}
		if len(args) != 1 {
			wrong.addf("give the name of one user, not of %d: %s %s", len(args), cmd.Parent().CommandPath(), cmd.Use)
		}
		if check != nil {
			check(&wrong)
		}
		if err := wrong.err(); err != nil {
			return err
		}
		user := args[0]
		return t.withPanelUsers(cmd.Context(), func(d operators.PanelAuth) error {
			if err := f(cmd.Context(), d, user); err != nil {
				return err
			}
			return t.print(adminUserDoneJSON{user, done}, func() { t.printf("%s panel user %s", done, user) })
		})
	})
	t.withJSON(cmd)
}

// operator identifies the person at the command line for the audit: the one who
// called sudo, or else the user of this process.
func (t *tool) operator() operators.Operator {
	op := operators.CLIOperator()
	u, err := user.Current()
	if err != nil {
		return op
	}
	op.From = "shell of " + u.Username
	if caller := env.ToMap(t.environ)["SUDO_USER"]; caller != "" && caller != u.Username {
		op.From = fmt.Sprintf("shell of %s, by sudo as %s", caller, u.Username)
	}
	return op
}

func (t *tool) withPanelUsers(ctx context.Context, f func(operators.PanelAuth) error) error {
	return t.withStore(ctx, func(s *postgres.Store) error {
		return f(operators.PanelAuth{Store: s, Wall: clock.System{}, NewID: boot.NewID, Passwords: password.New()})
	})
}

type adminUserDoneJSON struct {
	Name string `json:"name"`
	Done string `json:"done"`
}

// readPassword reads the first line of standard input. On a terminal it prompts and
// does not echo the password.
func (t *tool) readPassword(in io.Reader) (string, error) {
	if fd, ok := terminal(in); ok {
		_, _ = io.WriteString(t.stderr, "Password: ")
		text, err := term.ReadPassword(fd)
		_, _ = io.WriteString(t.stderr, "\n")
		return string(text), err
	}
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", usageErrorf("standard input is empty: write the password to it")
	}
	return line, nil
}

// terminal returns the file descriptor of a terminal, and false if in is none.
func terminal(in io.Reader) (fd int, ok bool) {
	file, ok := in.(*os.File)
	if !ok {
		return 0, false
	}
	fd = int(file.Fd())
	return fd, term.IsTerminal(fd)
}

type adminUserJSON struct {
	Name        string     `json:"name"`
	Role        string     `json:"role"`
	CreatedAt   time.Time  `json:"created_at"`
	DisabledAt  *time.Time `json:"disabled_at"`
	LockedUntil *time.Time `json:"locked_until"`
	// SecondFactor is true if a code is needed to sign in.
	SecondFactor bool `json:"second_factor"`
}

func (t *tool) adminUserList(cmd *cobra.Command, _ []string) error {
	return t.withPanelUsers(cmd.Context(), func(d operators.PanelAuth) error {
		list, err := d.List(cmd.Context())
		if err != nil {
			return err
		}
		return t.print(mapped(list, func(u ports.PanelUser) adminUserJSON {
			return adminUserJSON{u.Name, string(u.Role), u.CreatedAt, orNull(u.DisabledAt), orNull(u.LockedUntil), u.Factor.On()}
		}), func() {
			now := d.Wall.Now()
			t.table([]string{"NAME", "ROLE", "SINCE", "DISABLED", "SECOND FACTOR", "NETWORK REFUSED UNTIL"}, mapped(list, func(u ports.PanelUser) []string {
				refused := "" // the past is not shown
				if u.LockedUntil.After(now) {
					refused = formatTime(u.LockedUntil)
				}
				return []string{u.Name, string(u.Role), u.CreatedAt.Format(time.DateOnly), yesNo(!u.DisabledAt.IsZero()), yesNo(u.Factor.On()), refused}
			}))
		})
	})
}
