"""What the app does, without a word of Dash: choices enter, scenarios, previews, jobs and tables leave."""
