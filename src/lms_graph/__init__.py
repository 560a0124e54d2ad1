"""lms_graph: a headless GraphQL course-commerce backend."""
