-- The child of the picture in the documents: made up, with the tables of wc_create_tables.
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
VALUES ('made-up', 'N-made-up', 'Made', 'Up', '2012-05-20', '7', 'FEMALE');
INSERT INTO health_records (id, type, date, description, vital, "studentId")
SELECT 'made-up-' || date, 'CHECKUP', date::date, 'Checkup', vital::jsonb, 'made-up'
FROM (VALUES ('2017-09-04', '{"height": 109.5, "weight": 18.6}'), ('2018-09-10', '{"height": 116.2, "weight": 21.6}'),
             ('2019-09-02', '{"height": 122.4, "weight": 25.1}'), ('2020-02-17', '{"height": 125.6, "weight": 28.0}'),
             ('2021-01-11', '{"height": 131.0, "weight": 32.9}'), ('2021-09-06', '{"height": 135.1, "weight": 35.6}'),
             ('2022-03-14', '{"height": 53.9, "weight": 37.5}'),  ('2022-09-05', '{"height": 141.8, "weight": 39.4}'),
             ('2023-09-11', '{"height": 149.3, "weight": 44.3}'), ('2024-09-09', '{"height": 156.0, "weight": 48.7}'),
             ('2025-09-08', '{"height": 160.2, "weight": 52.4}')) AS v (date, vital);
