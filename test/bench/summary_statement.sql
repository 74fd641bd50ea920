SELECT json_build_object(
    'student', (SELECT row_to_json(x) FROM (SELECT s."id", s."firstName", s."lastName", s."studentNumber", s."dateOfBirth", s."gender") x),
    'allergies', COALESCE((SELECT json_agg(x) FROM (SELECT "id","allergen","severity","reaction","treatment","verified","verifiedBy","verifiedAt","createdAt","updatedAt" FROM "allergies" WHERE "studentId"=student_id(:n) ORDER BY "severity" DESC,"allergen") x),'[]'),
    'recentVitals', COALESCE((SELECT json_agg(x) FROM (SELECT "id","date","vital","type","provider" FROM "health_records" WHERE "studentId"=student_id(:n) AND "vital" IS NOT NULL ORDER BY "date" DESC LIMIT 5) x),'[]'),
    'recentVaccinations', COALESCE((SELECT json_agg(x) FROM (SELECT "id","type","date","description","provider","notes" FROM "health_records" WHERE "studentId"=student_id(:n) AND "type"='VACCINATION' ORDER BY "date" DESC LIMIT 5) x),'[]'),
    'recordCounts', COALESCE((SELECT json_object_agg("type",c) FROM (SELECT "type", count(*) c FROM "health_records" WHERE "studentId"=student_id(:n) GROUP BY "type") x),'{}'))
FROM "students" s WHERE s."id"=student_id(:n)
