package cli

import (
	"strconv"
	"time"

	"weir/hub/ca"
)

type caStatus struct {
	JSON bool `help:"Print a JSON object a line."`
	caFolder
}

func (caStatus) Help() string {
	return `Lists the authorities and, of each name, the last certificate that was issued, with the days that are left. In the
folder of a node it lists what that node has.

Examples:

    weir ca status --dir /secure/weir-ca
    weir ca status --dir /var/lib/weir/link --json`
}

// certificateView is a certificate in JSON.
type certificateView struct {
	Name     string `json:"name"`
	File     string `json:"file"`
	Expires  string `json:"expires"`
	DaysLeft int    `json:"days_left"`
	State    string `json:"state"` // issuing, believed, ok, outdated, expired
}

// States of certificates, and what people are told.
var certificateStates = map[string]string{
	"issuing":  "issues certificates",
	"believed": "is believed until the rotation is finished",
	"ok":       "",
	"outdated": "is of the old authority: issue a new one",
	"expired":  "has expired",
}

func viewCertificate(r ca.Record, now time.Time) certificateView {
	end := r.Certificate.NotAfter
	view := certificateView{Name: r.Name, File: r.File, Expires: timestamp(end.UnixMilli()), DaysLeft: daysLeft(end, now)}
	switch {
	case now.After(end):
		view.State = "expired"
	case r.Authority && r.Current:
		view.State = "issuing"
	case r.Authority:
		view.State = "believed"
	case r.Current:
		view.State = "ok"
	default:
		view.State = "outdated"
	}
	return view
}

func (c *caStatus) Run(con *console) error {
	records, err := ca.Records(c.Dir)
	if err != nil {
		return explainCA(err)
	}
	now := time.Now()
	list := listing{header: []string{"CERTIFICATE", "EXPIRES", "DAYS LEFT", "NOTE"}}
	for _, record := range records {
		view := viewCertificate(record, now)
		list.add(view, view.Name, record.Certificate.NotAfter.UTC().Format(time.DateOnly), strconv.Itoa(view.DaysLeft), certificateStates[view.State])
	}
	return list.print(con, c.JSON)
}
