"""Text with a form."""

import strawberry


@strawberry.type(description="Text written as Markdown, with the HTML made of it. Whoever sees the one sees the other.")
class FormattedText:
    markdown: str = strawberry.field(description="CommonMark with tables and strikethrough, as it was written.")
    html: str = strawberry.field(description="Sanitised when it was written: no scripts, styles, frames or event handlers. Safe to put into a page.")
