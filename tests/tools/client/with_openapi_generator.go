// An editor's and a reader's first steps with the client of openapi-generator's go.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	openapi "plenary.example/openapi"
)

func must(holds bool, said any) {
	if !holds {
		panic(fmt.Sprintf("%+v", said))
	}
}

func main() {
	configuration := openapi.NewConfiguration()
	configuration.Servers = openapi.ServerConfigurations{{URL: os.Args[1]}}
	client := openapi.NewAPIClient(configuration)
	ctx := context.Background()

	tokens, _, err := client.AuthenticationAPI.Login(ctx).LoginInput(*openapi.NewLoginInput(os.Args[2], os.Args[3])).Execute()
	must(err == nil, err)
	ctx = context.WithValue(ctx, openapi.ContextAccessToken, tokens.AccessToken)
	events := client.EventsAPI

	body := openapi.NewEventInput("By openapi-generator")
	body.SetStartsAt("2027-04-07T09:30")
	body.SetTimeZone("Europe/Brussels")
	made, answer, err := events.CreateEvent(ctx).EventInput(*body).Execute()
	must(err == nil, err)
	starts := made.GetStartsAt()
	must(starts.Format("2006-01-02T15:04:05-07:00") == "2027-04-07T09:30:00+02:00", starts)

	// It knows the first media type only, so the second language is a second request.
	patch := openapi.NewEventPatch()
	patch.SetTitle("Met openapi-generator")
	_, answer, err = events.UpdateEvent(ctx, made.Slug).Locale("nl").IfMatch(answer.Header.Get("ETag")).EventPatch(*patch).Execute()
	must(err == nil, err)
	published, _, err := events.PublishEvent(ctx, made.Slug).IfMatch(answer.Header.Get("ETag")).Execute()
	must(err == nil && published.Status == "published", err)
	for locale, title := range map[openapi.LocaleOrAll]string{"en": "By openapi-generator", "nl": "Met openapi-generator"} {
		seen, _, err := events.GetEvent(ctx, made.Slug).Locale(locale).Execute()
		must(err == nil && seen.Title == title, err)
	}

	list := events.ListEvents(ctx).Limit(1).Sort([]openapi.EventSort{"-starts_at", "title"})
	page, _, err := list.Execute()
	must(err == nil && page.Page.Next.IsSet(), err)
	following, _, err := list.Cursor(*page.Page.Next.Get()).Execute()
	must(err == nil && following.Data[0].Id != page.Data[0].Id, err)

	wrong := openapi.NewEventInput("")
	wrong.SetStartsAt("tomorrow")
	_, _, err = events.CreateEvent(ctx).EventInput(*wrong).Execute()
	var refused *openapi.GenericOpenAPIError
	must(errors.As(err, &refused), err)
	problem, typed := refused.Model().(openapi.Problem)
	must(typed && len(problem.Errors) == 2 && problem.Errors[0].Pointer == "/title", err)
	fmt.Println("openapi-generator go: done; texts: one language a request; offsets: kept")
}
